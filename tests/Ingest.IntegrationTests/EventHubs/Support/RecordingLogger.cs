using System.Collections.Concurrent;
using Ingest.Sources.EventHubs;
using Microsoft.Extensions.Logging;

namespace Ingest.IntegrationTests.EventHubs.Support;

/// <summary>Keeps what was logged, so that a test can wait for it.</summary>
internal sealed class RecordingLogger : ILogger<HubClient>
{
    private readonly ConcurrentQueue<(int Id, string Text)> _entries = new();

    public IReadOnlyList<string> Texts(int id) => [.. _entries.Where(entry => entry.Id == id).Select(entry => entry.Text)];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter) =>
        _entries.Enqueue((eventId.Id, formatter(state, exception)));
}
