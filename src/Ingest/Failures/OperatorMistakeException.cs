namespace Ingest.Failures;

/// <summary>The database works but refuses every reading: an operator has to correct something.</summary>
public sealed class OperatorMistakeException : Exception
{
    public OperatorMistakeException(string message)
        : base(message)
    {
    }

    public OperatorMistakeException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>The server's code, where one was given.</summary>
    public string? SqlState { get; init; }
}
