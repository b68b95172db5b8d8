using Ingest.Diagnostics;
using Ingest.TestSupport.Databases;
using Npgsql;

namespace Ingest.TestSupport.Faults;

/// <summary>All faults that are staged, by name.</summary>
public static class FaultCatalog
{
    // WorkerLog: reading a partition was interrupted.
    private const int HubReconnecting = LogEventIds.Reconnecting;

    private const string HubBusy = "com.microsoft:server-busy";

    private static readonly Dictionary<string, string> Impatient = new()
    {
        ["Database__CommandTimeoutSeconds"] = "10",
        ["Database__ConnectTimeoutSeconds"] = "10",
    };

    public static IReadOnlyList<Fault> All { get; } =
    [
        new("worker-killed", WorkerKilledAsync) { Outages = 0, ReplacesWorker = true },
        new("server-killed", (stage, random, stop) => ServerDownAsync(stage, random, stage.Server.KillAsync, stop)) { Outages = 1 },
        new("server-stopped-fast", (stage, random, stop) =>
            ServerDownAsync(stage, random, () => stage.Server.StopAsync(StopMode.Fast, stop), stop)) { Outages = 1 },
        new("server-stopped-immediate", (stage, random, stop) =>
            ServerDownAsync(stage, random, () => stage.Server.StopAsync(StopMode.Immediate, stop), stop)) { Outages = 1 },
        new("server-stopped-smart", ServerStoppedSmartAsync) { Outages = 1 },
        new("connections-cut", ConnectionsCutAsync),
        new("commit-answers-lost", CommitAnswersLostAsync),
        new("network-silent", NetworkSilentAsync) { Outages = 1, Stage = new() { WorkerSettings = Impatient } },
        new("disk-full", DiskFullAsync) { Outages = 1, Stage = new() { OnSmallDisk = true } },
        // No number of outages is asked for: the worker may have its slot back for a moment in between.
        new(
            "connections-exhausted",
            ConnectionsExhaustedAsync) { Stage = new() { ServerSettings = new Dictionary<string, string> { ["max_connections"] = "12" } } },
        new("table-locked", TableLockedAsync) { Outages = 1, Stage = new() { WorkerSettings = Impatient } },
        Statements(
            "server-read-only",
            "ALTER SYSTEM SET default_transaction_read_only = on",
            "ALTER SYSTEM RESET default_transaction_read_only",
            reload: true),
        Statements("table-renamed", "ALTER TABLE conditions RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO conditions"),
        Statements(
            "column-not-null-added",
            "ALTER TABLE conditions ADD COLUMN site text NOT NULL DEFAULT ''; ALTER TABLE conditions ALTER COLUMN site DROP DEFAULT",
            "ALTER TABLE conditions DROP COLUMN site"),
        Statements("privilege-revoked", "REVOKE INSERT ON conditions FROM ingest_writer", "GRANT INSERT ON conditions TO ingest_writer"),
        Statements(
            "index-dropped",
            "DROP INDEX conditions_time_device_idx",
            "CREATE UNIQUE INDEX conditions_time_device_idx ON conditions (time, device)"),
        new("hub-cut", HubCutAsync) { Outages = 0, Complains = [HubReconnecting] },
        new("hub-busy", HubBusyAsync) { Outages = 0, Complains = [HubReconnecting] },
        new("hub-stolen", HubStolenAsync) { Outages = 0, Complains = [HubReconnecting] },
        new("clock-off", ClockOffAsync) { Outages = 0 },
    ];

    /// <exception cref="FaultException">There is no fault of this name.</exception>
    public static Fault Named(string name) =>
        All.FirstOrDefault(fault => fault.Name == name) ?? throw new FaultException(
            $"There is no fault '{name}'. There are: {string.Join(", ", All)}.");

    private static Fault Statements(string name, string breaks, string mends, bool reload = false) =>
        new(name, async (stage, random, stop) =>
    {
        await stage.ExecuteAsync(breaks, stop);
        await ReloadAsync();
        await stage.OutageAsync(stop);
        await stage.SendsAsync(random.Next(1_000), stop);
        await stage.ExecuteAsync(mends, stop);
        await ReloadAsync();

        Task ReloadAsync() => reload ? stage.ExecuteAsync("SELECT pg_reload_conf()", stop) : Task.CompletedTask;
    })
        {
            Outages = 1,
        };

    private static async Task WorkerKilledAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        await stage.Worker.KillAsync();
        await stage.SendsAsync(random.Next(1_000), stop);
        stage.StartWorker();
    }

    private static async Task ServerDownAsync(FaultStage stage, Random random, Func<Task> down, CancellationToken stop)
    {
        await down();
        await stage.OutageAsync(stop);
        await stage.SendsAsync(random.Next(1_000), stop);
        await stage.Server.StartAgainAsync(stop);
    }

    private static async Task ServerStoppedSmartAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        // It waits for its clients to leave: for the worker, which works on until the network parts them, and not for our own idle
        // connections.
        NpgsqlConnection.ClearAllPools();
        var stopping = stage.Server.StopAsync(StopMode.Smart, stop);
        await stage.UntilAsync(
            "the server hears of it",
            () => Task.FromResult(stage.Server.Log.Contains("smart shutdown", StringComparison.Ordinal)),
            stop);
        await stage.SendsAsync(500 + random.Next(1_000), stop);
        stage.Wire.Cut();
        await stopping;
        await stage.OutageAsync(stop);
        await stage.Server.StartAgainAsync(stop);
    }

    private static async Task ConnectionsCutAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        for (var cut = 0; cut < 10; cut++)
        {
            var before = stage.Wire.Cuts;
            stage.Wire.CutAfter(random.Next(2) == 0 ? Network.WireDirection.ToServer : Network.WireDirection.ToClient, random.Next(3_000));
            await stage.UntilAsync("the wire is cut", () => Task.FromResult(stage.Wire.Cuts > before), stop);
        }
    }

    private static async Task CommitAnswersLostAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        for (var cut = 0; cut < 10; cut++)
        {
            var before = stage.Wire.Cuts;
            stage.Wire.CutAnswerTo("COMMIT\0", before: random.Next(4) == 0);
            await stage.UntilAsync("an answer is lost", () => Task.FromResult(stage.Wire.Cuts > before), stop);
        }
    }

    private static async Task NetworkSilentAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        stage.Wire.Silence();
        await stage.OutageAsync(stop);
        await stage.SendsAsync(random.Next(1_000), stop);
        if (random.Next(2) == 0)
        {
            // What the network held is lost; else it arrives late.
            stage.Wire.Cut();
        }

        stage.Wire.Speak();
    }

    private static async Task DiskFullAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        await stage.Disk!.FillAsync(stop);
        await stage.UntilAsync(
            "the full disk stops the worker",
            async () =>
            {
                await stage.Disk.FillAsync(stop);
                await SwitchWalAsync();
                return stage.Worker.Logged(FaultStage.OutageBegins) > 0;
            },
            stop);
        await stage.SendsAsync(random.Next(1_000), stop);
        stage.Disk.Free();
        await stage.UntilAsync("the server takes clients", TakesClientsAsync, stop);

        // The next WAL file, so that there must be space for another.
        async Task SwitchWalAsync()
        {
            try
            {
                await stage.ExecuteAsync("SELECT pg_switch_wal()", stop);
            }
            catch (NpgsqlException)
            {
                // No space, or no server any more: as staged.
            }
        }

        async Task<bool> TakesClientsAsync()
        {
            if (stage.Server.HasEnded)
            {
                // A full disk has ended it, and whoever frees the disk starts it.
                await stage.Server.StartAgainAsync(stop);
            }

            try
            {
                await stage.ExecuteAsync("SELECT 1", stop);
                return true;
            }
            catch (NpgsqlException)
            {
                return false;
            }
        }
    }

    private static async Task ConnectionsExhaustedAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        List<NpgsqlConnection> hogs = [];
        await stage.UntilAsync(
            "the worker finds no connection",
            async () =>
            {
                while (await HogAsync() is { } hog)
                {
                    hogs.Add(hog);
                }

                var health = await stage.Worker.HealthAsync(stop);
                if (health is { Ready: true })
                {
                    // It has a connection yet. Not while it looks for one: a cut would keep the server's refusal from it.
                    stage.Wire.Cut();
                }

                return health?.Body.GetProperty("database").GetProperty("error").GetString()?.Contains(
                    "53300", StringComparison.Ordinal) == true;
            },
            stop);
        await stage.SendsAsync(random.Next(1_000), stop);
        foreach (var hog in hogs)
        {
            await hog.DisposeAsync();
        }

        async Task<NpgsqlConnection?> HogAsync()
        {
            var connection = new NpgsqlConnection(
                new NpgsqlConnectionStringBuilder(stage.WorkerLogin) { Pooling = false }.ConnectionString);
            try
            {
                await connection.OpenAsync(stop);
                return connection;
            }
            catch (NpgsqlException)
            {
                await connection.DisposeAsync();
                return null;
            }
        }
    }

    private static async Task TableLockedAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        await using var connection = await stage.Owner.OpenConnectionAsync(stop);
        await using var transaction = await connection.BeginTransactionAsync(stop);
        await using var command = new NpgsqlCommand("LOCK TABLE conditions IN ACCESS EXCLUSIVE MODE", connection, transaction);
        await command.ExecuteNonQueryAsync(stop);
        await stage.OutageAsync(stop);
        await stage.SendsAsync(random.Next(1_000), stop);
        await transaction.RollbackAsync(stop);
    }

    private static async Task HubCutAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        for (var cut = 0; cut < 3; cut++)
        {
            stage.Hub.CutConnections();
            await stage.SendsAsync(100 + random.Next(500), stop);
        }
    }

    private static async Task HubBusyAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        stage.Hub.RefuseLinks(HubBusy, "Try again later.");
        stage.Hub.DetachLinks(HubBusy, "Try again later.");
        // Long enough for several attempts.
        await stage.SendsAsync(4_000 + random.Next(1_000), stop);
        stage.Hub.AcceptLinks();
    }

    private static async Task HubStolenAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        await HubThief.StealAsync(stage.Hub, async () =>
        {
            await stage.UntilAsync(
                "the worker says that it reads nothing",
                async () => await stage.Worker.HealthAsync(stop) is { Ready: false },
                stop);
            await stage.SendsAsync(random.Next(500), stop);
        });
    }

    private static async Task ClockOffAsync(FaultStage stage, Random random, CancellationToken stop)
    {
        // To the worker, its own clock is what is off by two days.
        stage.Clock.Offset = TimeSpan.FromDays(random.Next(2) == 0 ? 2 : -2);
        await stage.SendsAsync(1_000, stop);
        stage.Clock.Offset = TimeSpan.Zero;
    }
}
