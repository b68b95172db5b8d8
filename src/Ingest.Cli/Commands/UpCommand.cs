using System.CommandLine;
using Ingest.Cli.Hosting;
using Ingest.Cli.Simulation;
using Ingest.Cli.Terminal;
using Ingest.Cli.Up;
using Ingest.Worker.Hosting;

namespace Ingest.Cli.Commands;

/// <summary><c>ingest up</c>.</summary>
internal static class UpCommand
{
    private const string FromEnvironment = "env";

    private static readonly Option<string?> Hub = new("--hub")
    {
        Description =
            "Send to and read from this event hub instead of the local one. 'env' takes the connection string from the environment "
                + "variable Hub__ConnectionString: "
            + "it holds a key, and a command line is seen by other users of this machine and kept by the shell.",
        HelpName = "env or connection string",
    };

    private static readonly Option<string?> Database = new("--database")
    {
        Description =
            "Store in this database instead of the embedded TimescaleDB. 'env' takes the connection string from the environment "
                + "variable Database__ConnectionString, "
            + "where a password belongs.",
        HelpName = "env or connection string",
    };

    private static readonly Option<bool> Fresh = new("--fresh") { Description = "Empty the embedded database first." };
    private static readonly Option<int> Port =
        Arguments.Number("--port", "Port of the local hub on 127.0.0.1; 0 takes a free one.", 5672, 0, 65_535);
    private static readonly Option<int> Partitions = Arguments.Number("--partitions", "Partitions of the local hub.", 4, 1, 32);
    private static readonly Option<int> Devices = Arguments.Number("--devices", "Simulated devices.", 20, 1, 100_000);
    private static readonly Option<int> Rate = Arguments.Number("--rate", "Messages a second, all devices together.", 100, 1, 1_000_000);

    private static readonly Option<bool> Faults = new("--faults")
    {
        Description =
            "Of every 100 messages, one each: malformed, of the wrong type, an oversized number, a NUL character, another device's "
                + "name, retransmitted, a second one in the same millisecond, an array, a lifecycle event.",
    };

    private static readonly Option<bool> Replay =
        new("--replay") { Description = "When the events are through, read the hub again from the start, and show that no row is added." };
    private static readonly Option<long?> Events =
        new("--events") { Description = "Stop after this many messages. Default: run until Ctrl-C.", HelpName = "number" };

    public static Command Create()
    {
        Events.Validators.Add(result =>
        {
            if (result.Tokens.Count == 1 && long.TryParse(result.Tokens[0].Value, out var events) && events < 1)
            {
                result.AddError($"--events takes a whole number from 1, not {events}.");
            }
        });
        var command = new Command(
            "up", "Start everything on this machine: an embedded TimescaleDB, a local hub, simulated devices and the worker.")
        {
            Devices, Rate, Events, Faults, Replay, Fresh, Database, Hub, Port, Partitions, SharedOptions.Set, SharedOptions.Json,
        };
        command.SetAction(RunAsync);
        return command;
    }

    /// <summary>
    /// The connection string that an option names. The environment only where it says so: a variable set for <c>ingest run</c> must not
    /// make
    /// <c>up</c> send its simulated devices to a real hub.
    /// </summary>
    internal static string? Named(string option, string? value, string variable, Func<string, string?> environment) =>
        value != FromEnvironment ? value
        : environment(variable) is { Length: > 0 } found ? found
        : throw new CommandException(
            $"{option} {FromEnvironment} takes the connection string from the environment variable {variable}, which is not set.");

    private static async Task<int> RunAsync(ParseResult arguments, CancellationToken cancellationToken)
    {
        var options = new UpOptions
        {
            Hub = Named(Hub.Name, arguments.GetValue(Hub), "Hub__ConnectionString", Environment.GetEnvironmentVariable),
            Database = Named(Database.Name, arguments.GetValue(Database), "Database__ConnectionString", Environment.GetEnvironmentVariable),
            Fresh = arguments.GetValue(Fresh),
            Port = arguments.GetValue(Port),
            Partitions = arguments.GetValue(Partitions),
            Devices = arguments.GetValue(Devices),
            Rate = arguments.GetValue(Rate),
            Faults = arguments.GetValue(Faults),
            Replay = arguments.GetValue(Replay),
            Events = arguments.GetValue(Events),
        };
        if (options.Fresh && options.Database is not null)
        {
            throw new CommandException("--fresh empties the embedded database only: it does not go with --database.");
        }

        FleetLimits.Check(options.Devices, options.Rate);
        var output = new Output(arguments.GetValue(SharedOptions.Json));
        using var signals = new ShutdownSignals(TimeProvider.System);
        return await new UpRun(options, SharedOptions.Configuration(arguments), output, signals).RunAsync();
    }
}
