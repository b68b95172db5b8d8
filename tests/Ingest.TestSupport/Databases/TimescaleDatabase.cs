namespace Ingest.TestSupport.Databases;

/// <summary>A database with TimescaleDB for one test, dropped when it is disposed. Data sources on it are to be disposed before.</summary>
public sealed class TimescaleDatabase : IAsyncDisposable
{
    private readonly Func<Task> _drop;

    internal TimescaleDatabase(string connectionString, bool isEmbedded, Func<Task> drop)
    {
        ConnectionString = connectionString;
        IsEmbedded = isEmbedded;
        _drop = drop;
    }

    public string ConnectionString { get; }

    /// <summary>Whether it is the embedded one: one connection, no COPY FROM STDIN, no cancellation of statements.</summary>
    public bool IsEmbedded { get; }

    public async ValueTask DisposeAsync() => await _drop();
}
