using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;

namespace Ingest.Worker.Hosting;

/// <summary>Log lines on the console: one line each, whatever a message holds.</summary>
public static class SafeConsole
{
    /// <summary>
    /// Writes log lines through <see cref="SafeText"/>. Whoever configures .NET's JSON lines gets those: their writer escapes.
    /// </summary>
    public static ILoggingBuilder AddSafeConsole(this ILoggingBuilder logging)
    {
        ArgumentNullException.ThrowIfNull(logging);
        logging.AddConsoleFormatter<OneLine, ConsoleFormatterOptions>();
        logging.Services.PostConfigure<ConsoleLoggerOptions>(static console =>
        {
            if (console.FormatterName != ConsoleFormatterNames.Json)
            {
                console.FormatterName = OneLine.FormatterName;
            }
        });
        return logging;
    }

    private sealed class OneLine(TimeProvider? clock = null) : ConsoleFormatter(FormatterName)
    {
        public const string FormatterName = "ingest";

        private readonly TimeProvider _clock = clock ?? TimeProvider.System;

        public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
        {
            var time = _clock.GetUtcNow().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
            var message = logEntry.Formatter(logEntry.State, logEntry.Exception);
            textWriter.Write(
                $"{time} {Level(logEntry.LogLevel)}: {SafeText.Line(logEntry.Category)}[{logEntry.EventId.Id}] {SafeText.Line(message)}");
            if (logEntry.Exception is { } exception)
            {
                textWriter.Write(' ');
                textWriter.Write(SafeText.Line(exception.ToString()));
            }

            textWriter.WriteLine();
        }

        private static string Level(LogLevel level) => level switch
        {
            LogLevel.Trace => "trce",
            LogLevel.Debug => "dbug",
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            LogLevel.Error => "fail",
            _ => "crit",
        };
    }
}
