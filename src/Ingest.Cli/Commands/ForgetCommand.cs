using System.CommandLine;
using System.Globalization;
using Ingest.Cli.Hosting;
using Ingest.Cli.Terminal;
using Ingest.Forgotten;
using Ingest.Schema;
using Ingest.Settings;
using Ingest.Worker.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest forget</c>.</summary>
internal static class ForgetCommand
{
    private static readonly Option<string> Device = new("--device")
    {
        Description = "The device, as the table has it.",
        HelpName = "name",
        Required = true,
    };

    private static readonly Option<DateTimeOffset?> Until = Arguments.Time(
        "--until", "Before which row time: ISO 8601 (UTC), or a span back from now like 6h. Default: now.");

    private static readonly Option<bool> DryRun = new("--dry-run") { Description = "Count only." };

    public static Command Create()
    {
        var command = new Command(
            "forget",
            "Delete the rows and dead letters of a device, and remember the device by a salted hash, so that replays, imports and late "
                + "messages do not store them again; they count as ignored. Started again, it goes on. Archives and backups are not "
                + "touched. Needs the login that owns the tables.")
        {
            Device, Until, DryRun, SharedOptions.Database, SharedOptions.Set, SharedOptions.Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        var reader = new SettingsReader(SharedOptions.Configuration(arguments));
        var telemetry = reader.Read<TelemetrySettings>(TelemetrySettings.Section);
        var settings = reader.Read<DatabaseSettings>(DatabaseSettings.Section);
        var mapping = reader.Mapping(telemetry);
        var device = arguments.GetValue(Device)!;
        if (telemetry.DeviceType == DeviceType.Uuid)
        {
            if (!Guid.TryParse(device, out var uuid))
            {
                reader.Add($"--device '{device}' is no uuid, and Telemetry:DeviceType says that devices are.");
            }

            device = uuid.ToString("D");
        }

        reader.ThrowIfAny();
        using var signals = new ShutdownSignals(TimeProvider.System);
        using var loggers = Logging.ToStandardError(LogLevel.Warning);
        await using var dataSource = DatabaseLogin.Connect(settings, loggers);
        var until = (arguments.GetValue(Until) ?? TimeProvider.System.GetUtcNow()).UtcDateTime;
        var forgetter = new DeviceForgetter(dataSource, TargetTable.Of(mapping!));
        var dryRun = arguments.GetValue(DryRun);
        try
        {
            var data = dryRun
                ? await forgetter.CountAsync(device, until, signals.Stop)
                : await forgetter.ForgetAsync(device, until, output.Line, signals.Stop);
            output.Line(string.Create(
                CultureInfo.InvariantCulture,
                $"{data.Rows} rows and {data.DeadLetters} dead letters of {device} from before {until:O} "
                    + $"{(dryRun ? "would be deleted" : "are deleted; archives, backups and continuous aggregates are not touched")}"));
            if (output.Json)
            {
                Output.Write(new { data.Rows, data.DeadLetters, until, dryRun });
            }

            return ExitCode.Success;
        }
        catch (PostgresException exception) when (exception.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new CommandException(
                $"The login may not do this ({exception.MessageText}). Forgetting deletes rows, which the writers' login may not: name "
                    + "the login that owns the tables, as for migrate.");
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            throw new CommandException("Stopped. The device is remembered; run the command again to delete the rest.", ExitCode.Failure);
        }
    }
}
