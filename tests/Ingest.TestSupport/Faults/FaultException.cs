namespace Ingest.TestSupport.Faults;

/// <summary>The pipeline did not keep its promise through a fault.</summary>
public sealed class FaultException : Exception
{
    public FaultException()
    {
    }

    public FaultException(string message)
        : base(message)
    {
    }

    public FaultException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}
