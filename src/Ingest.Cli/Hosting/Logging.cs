using Ingest.Worker.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Ingest.Cli.Hosting;

/// <summary>
/// Where log lines go: to standard error, one line each; under a live view only the last warning is kept, and shown there.
/// </summary>
internal static class Logging
{
    public static ILoggerFactory ToStandardError(LogLevel minimum) => LoggerFactory.Create(logging =>
    {
        // What Npgsql has to say reaches us as an exception, and is told in our words; ASP.NET Core tells of every request.
        logging.SetMinimumLevel(minimum)
            .AddFilter("Npgsql", LogLevel.Critical)
            .AddFilter("Microsoft", LogLevel.Warning)
            .AddConsole()
            .AddSafeConsole();
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
    });

    public static ILoggerFactory ToView(LastWarning warning) => new LoggerFactory([new Provider(warning)]);

    private sealed class Provider(LastWarning warning) : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => warning;

        public void Dispose()
        {
        }
    }
}

/// <summary>Keeps the text of the last warning or error.</summary>
internal sealed class LastWarning : ILogger
{
    private string? _text;

    public string? Text => Volatile.Read(ref _text);

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

    public void Log<TState>(
        LogLevel logLevel,
        EventId eventId,
        TState state,
        Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        if (IsEnabled(logLevel))
        {
            Volatile.Write(ref _text, SafeText.Line(formatter(state, exception)));
        }
    }
}
