namespace Ingest.Worker.Hosting;

/// <summary>The process cannot do its work as things are. The message lists all that is wrong, each with what to do.</summary>
public sealed class StartUpException : Exception
{
    public StartUpException(string message)
        : base(message)
    {
    }

    public StartUpException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public StartUpException(string message, bool mayPass)
        : base(message) => MayPass = mayPass;

    /// <summary>Whether all of it may pass by itself, so that waiting helps: a database or a hub that is away.</summary>
    public bool MayPass { get; }
}
