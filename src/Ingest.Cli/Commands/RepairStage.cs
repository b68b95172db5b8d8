using System.CommandLine;
using System.Globalization;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Failures;
using Ingest.Repair;
using Ingest.Settings;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;

namespace Ingest.Cli.Commands;

/// <summary>Database and pipeline of a command that tries dead letters again, checked; and what it says at its end.</summary>
internal sealed class RepairStage : IAsyncDisposable
{
    private readonly ShutdownSignals _signals;
    private readonly ILoggerFactory _loggers;
    private CommandDatabase? _database;
    private PipelineComposition? _parts;

    private RepairStage()
    {
        _signals = new ShutdownSignals(TimeProvider.System);
        _loggers = Logging.ToStandardError(LogLevel.Warning);
    }

    public CancellationToken Stop => _signals.Stop;

    public PipelineComposition Parts => _parts ?? throw new InvalidOperationException("The stage is not open");

    /// <exception cref="StartUpException">The database cannot be used.</exception>
    public static async Task<RepairStage> OpenAsync(ParseResult arguments, Output output)
    {
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var database = reader.ReadOptional<DatabaseSettings>(DatabaseSettings.Section);
        var settings = PipelineSettings.Read(reader, needsHub: false, needsDatabase: false) with { Database = database };
        var mapping = reader.Mapping(settings.Telemetry);
        reader.ThrowIfAny();
        settings.Commit.AcceptDifferences |= arguments.GetValue(ReplayCommand.AcceptDifferences);
        var stage = new RepairStage();
        try
        {
            stage._database = await CommandDatabase.OpenAsync(database, new ProgressLines(output), stage.Stop);
            stage._parts = PipelineComposition.Create(settings, mapping!, Purpose.Replay, stage._loggers);
            (await StartUpCheck.RunAsync(stage._parts, output.Line, stage.Stop)).ThrowIfAny();
            return stage;
        }
        catch
        {
            await stage.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs the command's work, and says in its words what stops it.</summary>
    /// <param name="work">The work.</param>
    /// <param name="tell">Says how far it came, where it was stopped.</param>
    public async Task RunAsync(Func<Task> work, Action tell)
    {
        try
        {
            await work();
        }
        catch (StoredValuesMismatchException exception)
        {
            tell();
            throw new CommandException($"{exception.Message} To store them all the same, add --accept-differences.", ExitCode.Failure);
        }
        catch (OperationCanceledException) when (Stop.IsCancellationRequested)
        {
            tell();
            throw new CommandException(
                "Stopped before the end. What was stored is resolved; running the command again goes on.", ExitCode.Failure);
        }
    }

    /// <summary>Says what became of the letters; with <c>--json</c> as an object too.</summary>
    /// <param name="output">Where to.</param>
    /// <param name="report">What became of them.</param>
    /// <param name="resolvedBefore">Lines of an import whose letter was resolved before.</param>
    /// <param name="wrongLines">Lines of an import that were not stored.</param>
    public static void Print(Output output, RepairReport report, long? resolvedBefore = null, IReadOnlyList<WrongLine>? wrongLines = null)
    {
        output.Line(string.Create(
            CultureInfo.InvariantCulture,
            $"stored {report.Stored}, found stored {report.Duplicate}, rejected again {report.Rejected.Values.Sum()}, no reading now "
                + $"{report.NoReading}, not tried {report.NotTried.Values.Sum()}, resolved meanwhile {report.NotOpen}; new rows "
                + $"{report.Rows}, new dead letters {report.NewLetters}"));
        foreach (var (reason, count) in report.Rejected.OrderByDescending(pair => pair.Value))
        {
            output.Line(string.Create(CultureInfo.InvariantCulture, $"  rejected again for {reason}: {count}"));
        }

        foreach (var (why, count) in report.NotTried.OrderByDescending(pair => pair.Value))
        {
            output.Line(string.Create(CultureInfo.InvariantCulture, $"  not tried: {count}, each because {why}."));
        }

        if (output.Json)
        {
            Output.Write(new
            {
                report.Stored,
                report.Duplicate,
                report.Rejected,
                report.NoReading,
                notTried = report.NotTried.Select(pair => new { because = pair.Key, count = pair.Value }),
                report.NotOpen,
                report.Rows,
                report.NewLetters,
                resolvedBefore,
                wrongLines,
            });
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_parts is not null)
        {
            await _parts.DisposeAsync();
        }

        if (_database is not null)
        {
            await _database.DisposeAsync();
        }

        _loggers.Dispose();
        _signals.Dispose();
    }
}
