using Ingest.Checkpoints;
using Ingest.Diagnostics;
using Ingest.Events;
using Ingest.Failures;
using Ingest.TestSupport;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Write;

public sealed class FaultTests(PostgresFixture postgres, TimescaleFixture timescale)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_stops_and_starts_again_loses_and_doubles_nothing()
    {
        await using var server = await NativePostgres.StartAsync(cancellationToken: Stop);
        await using var database = await TestDatabase.OnAsync(await server.CreateDatabaseAsync(Stop), Stop);
        await using var stage = new WriteStage(database.Source);
        await stage.ProcessAsync(Rows(0, 10), null, Stop);

        foreach (
            var stop in new Func<Task>[]
            {
                () => server.StopAsync(StopMode.Fast, Stop),
                () => server.StopAsync(StopMode.Immediate, Stop),
                server.KillAsync,
            })
        {
            var before = await database.RowsAsync("conditions", Stop);
            await stop();
            var waiting = Enumerable.Range(0, 5).Select(
                batch => stage.ProcessAsync(Rows((int)before + (batch * 10), 10), null, Stop)).ToArray();
            await UntilAsync(stage, PipelineState.Outage);
            Assert.NotEqual(RetryState.Idle, stage.Health.Read().Retry);
            await server.StartAgainAsync(Stop);

            var counts = await Task.WhenAll(waiting);
            Assert.Equal(new ReadingCounts(Received: 50, Stored: 50), counts.Aggregate((a, b) => a + b));
            Assert.Equal(before + 50, await database.RowsAsync("conditions", Stop));
            Assert.Equal(PipelineState.Working, stage.Health.Read().State);
        }
    }

    [Fact]
    public async Task A_running_pipeline_names_the_host_that_nobody_knows_and_waits_for_it()
    {
        await using var source = NpgsqlDataSource.Create("Host=nowhere.invalid;Username=u;Password=p");
        await using var stage = new WriteStage(source);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);

        var waiting = stage.ProcessAsync(Rows(0, 10), null, stop.Token);
        await UntilAsync(stage, PipelineState.Outage);

        Assert.Contains("The host nowhere.invalid is unknown here", stage.Health.Read().Error, StringComparison.Ordinal);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task A_running_pipeline_says_of_a_server_without_TLS_what_to_set_and_claims_no_outage()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        var settings = new NpgsqlConnectionStringBuilder(database.ConnectionString) { SslMode = SslMode.Require };
        await using var source = NpgsqlDataSource.Create(settings);
        await using var stage = new WriteStage(source);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);

        var waiting = stage.ProcessAsync(Rows(0, 10), null, stop.Token);
        await UntilAsync(stage, PipelineState.OperatorMistake);

        Assert.Contains($"{settings.Host}:{settings.Port} cannot do TLS", stage.Health.Read().Error, StringComparison.Ordinal);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    public static TheoryData<string, string, string> Mistakes => new()
    {
        { "ALTER TABLE conditions RENAME TO elsewhere", "ALTER TABLE elsewhere RENAME TO conditions", "Telemetry:Table" },
        { "REVOKE INSERT ON conditions FROM ingest_writer", "GRANT INSERT ON conditions TO ingest_writer", "privilege" },
        { "ALTER TABLE conditions ADD COLUMN site text NOT NULL DEFAULT ''; ALTER TABLE conditions ALTER COLUMN site DROP "
            + "DEFAULT", "ALTER TABLE conditions DROP COLUMN site", "site" },
        {
            "DROP INDEX conditions_time_device_idx",
            "CREATE UNIQUE INDEX conditions_time_device_idx ON conditions (time, device)",
            "unique index"
        },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public async Task An_operators_mistake_waits_says_what_to_do_and_goes_on_once_it_is_put_right(
        string mistake, string remedy, string says)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        var login = await (await postgres.ServerAsync()).CreateLoginAsync(database.ConnectionString, "ingest_writer", Stop);
        await using var stage = new WriteStage(database.NewSource(login));
        await stage.ProcessAsync(Rows(0, 5), null, Stop);

        await database.ExecuteAsync(mistake, Stop);
        var waiting = stage.ProcessAsync(Rows(5, 5), null, Stop);
        await UntilAsync(stage, PipelineState.OperatorMistake);
        Assert.Contains(says, stage.Health.Read().Error!, StringComparison.Ordinal);
        Assert.Equal((1, 5), (stage.Health.Read().QueuedBatches, stage.Health.Read().QueuedMessages));
        Assert.False(waiting.IsCompleted);
        await database.ExecuteAsync(remedy, Stop);

        Assert.Equal(new ReadingCounts(Received: 5, Stored: 5), await waiting);
        Assert.Equal(10, await database.RowsAsync("conditions", Stop));
        Assert.Equal(0, await database.RowsAsync("dead_letters", Stop));
        Assert.Equal(
            (PipelineState.Working, 0, 0),
            (stage.Health.Read().State, stage.Health.Read().QueuedBatches, stage.Health.Read().QueuedMessages));
    }

    [Theory]
    [InlineData(Server.Native)]
    [InlineData(Server.Timescale)]
    public async Task A_row_the_server_refuses_is_dead_lettered_alone(Server server)
    {
        await using var database = await TestDatabase.CreateAsync(server, postgres, timescale, Stop);
        await database.ExecuteAsync("ALTER TABLE conditions ADD CONSTRAINT cold CHECK (temperature < 100)", Stop);
        await using var stage = new WriteStage(database.Source, database.Copy);
        Reading[] rows =
        [
            .. Rows(0, 1_000),
            new(2_000, "hot", 1_000.0, 1.0),
            .. Rows(3_000, 500),
            new(2_000, "hot", 1_000.0, 1.0),
            new(2_001, "hot", 2_000.0, 1.0),
        ];

        var counts = await stage.ProcessAsync(rows, null, Stop);

        Assert.Equal(new ReadingCounts(Received: 1_503, Stored: 1_500, DeadLettered: 2, Duplicate: 1), counts);
        Assert.Equal(
            2,
            await database.RowsAsync(
                "dead_letters WHERE reason = 'refused_by_database' AND device = 'hot' AND detail LIKE '23514%'", Stop));
    }

    [Fact]
    public async Task When_every_row_of_several_devices_is_refused_with_one_code_nothing_is_dead_lettered()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync("ALTER TABLE conditions ADD CONSTRAINT cold CHECK (temperature < -100)", Stop);
        await using var stage = new WriteStage(database.Source);

        Reading[] rows = [.. Rows(0, 150).Select(row => row with { Device = $"{row.Stamp % 3}" })];
        var waiting = stage.ProcessAsync(rows, null, Stop);
        await UntilAsync(stage, PipelineState.OperatorMistake);
        await database.ExecuteAsync("ALTER TABLE conditions DROP CONSTRAINT cold", Stop);

        Assert.Equal(new ReadingCounts(Received: 150, Stored: 150), await waiting);
        Assert.Equal(0, await database.RowsAsync("dead_letters", Stop));
    }

    [Fact]
    public async Task A_second_unique_index_is_poison_for_the_rows_it_refuses()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync(
            "CREATE TABLE other (LIKE conditions); CREATE UNIQUE INDEX ON other (time, device); CREATE UNIQUE INDEX ON other (temperature)",
            Stop);
        await using var stage = new WriteStage(database.Source, table: "other");
        await stage.ProcessAsync([new(0, "a", 1.0, 1.0)], null, Stop);

        Assert.Equal(
            new ReadingCounts(Received: 2, Stored: 1, DeadLettered: 1),
            await stage.ProcessAsync([new(1, "a", 1.0, 1.0), new(2, "a", 2.0, 1.0)], null, Stop));
    }

    [Fact]
    public async Task A_pool_of_one_connection_and_a_login_that_owns_nothing_are_enough()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        var login = await (await postgres.ServerAsync()).CreateLoginAsync(database.ConnectionString, "ingest_writer", Stop);
        var source = database.NewSource(new NpgsqlConnectionStringBuilder(login) { MaxPoolSize = 1, Timeout = 5 }.ConnectionString);
        await using var stage = new WriteStage(source, commit: new() { Writers = 3 });

        var counts = await Task.WhenAll(Enumerable.Range(0, 20).Select(batch => stage.ProcessAsync(Rows(batch * 25, 50), null, Stop)));

        Assert.Equal((1_000, 525), (counts.Sum(count => count.Received), counts.Sum(count => count.Stored)));
        Assert.Equal(0, stage.Health.Read().Retries);
    }

    [Fact]
    public async Task Connections_cut_at_any_statement_lose_and_double_nothing()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var proxy = TcpProxy.Start((await postgres.ServerAsync()).Port);
        await using var stage = new WriteStage(
            database.NewSource(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Port = proxy.Port }.ConnectionString));
        var cuts = 0;
        foreach (var before in new[] { false, true })
        {
            foreach (var statement in new[] { "BEGIN", "COPY", "pg_current_xact_id", "INSERT INTO", "dead_letter", "COMMIT\0" })
            {
                await stage.ProcessAsync(Rows(100_000 + cuts, 1), null, Stop);
                proxy.CutAnswerTo(statement, before);
                var readings = Rows(cuts * 500, statement == "INSERT INTO" ? 50 : 500);
                var counts = statement == "dead_letter"
                    ? await stage.RejectAsync([.. readings.Select(WriteStage.Message)], Stop)
                    : await stage.ProcessAsync(readings, null, Stop);
                Assert.Equal(++cuts, proxy.Cuts);
                Assert.Equal((readings.Length, 0), (counts.Stored + counts.DeadLettered, counts.Duplicate));
            }
        }
    }

    [Fact]
    public async Task A_lock_on_the_table_is_waited_out()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var stage = new WriteStage(database.NewSource(commandTimeoutSeconds: 1), commit: new() { MaxDelayMilliseconds = 100 });
        await using var connection = await database.Source.OpenConnectionAsync(Stop);
        await using var transaction = await LockTableAsync(connection);
        var waiting = Enumerable.Range(0, 3).Select(batch => stage.ProcessAsync(Rows(batch * 10, 10), null, Stop)).ToArray();
        await UntilAsync(stage, PipelineState.Outage);
        await transaction.RollbackAsync(Stop);

        Assert.All(await Task.WhenAll(waiting), counts => Assert.Equal(new ReadingCounts(Received: 10, Stored: 10), counts));
    }

    [Theory]
    [InlineData(10)]
    [InlineData(300)]
    public async Task A_locked_checkpoint_is_waited_out_and_its_caller_can_leave(int rows)
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var stage = new WriteStage(database.NewSource(commandTimeoutSeconds: 1), commit: new() { MaxDelayMilliseconds = 100 });
        var claimed = await new CheckpointTable(database.Source).ClaimAsync("hub", "group", ["0", "1"], Stop);
        await using var connection = await database.Source.OpenConnectionAsync(Stop);
        await using var transaction = await LockTableAsync(connection, "checkpoints");
        using var cancel = new CancellationTokenSource();
        var patient = stage.ProcessAsync(Rows(0, rows), Move(claimed[0]), Stop);
        var impatient = stage.ProcessAsync(Rows(1_000, rows), Move(claimed[1]), cancel.Token);
        await UntilAsync(stage, PipelineState.Outage);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => impatient.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Stop));
        Assert.False(patient.IsCompleted);
        await transaction.RollbackAsync(Stop);
        Assert.Equal(rows, (await patient).Stored);
        Assert.Equal(rows, await database.RowsAsync("conditions", Stop));

        static Checkpoint Move(StoredCheckpoint claimed) =>
            new(claimed.Partition, claimed.Epoch, null, new Position("10", 10, WriteStage.Start));
    }

    [Fact]
    public async Task A_row_that_is_refused_at_COMMIT_is_found_also_where_the_checkpoints_go_with_it()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync(
            """
            CREATE FUNCTION divide() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM 1 / NEW.temperature::integer; RETURN NULL; END';
            CREATE CONSTRAINT TRIGGER late AFTER INSERT ON conditions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION divide()
            """,
            Stop);
        await using var stage = new WriteStage(database.Source);
        var claimed = Assert.Single(await new CheckpointTable(database.Source).ClaimAsync("hub", "group", ["0"], Stop));
        var move = new Checkpoint(claimed.Partition, claimed.Epoch, null, new Position("10", 10, WriteStage.Start));

        var counts = await stage.ProcessAsync(
            [.. Rows(0, 300), new(1_000, "zero", 0.0, 1.0)], move, Stop).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Stop);

        Assert.Equal(new ReadingCounts(Received: 301, Stored: 300, DeadLettered: 1), counts);
    }

    [Fact]
    public async Task A_caller_that_cancels_or_gives_up_leaves_its_neighbours_alone()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync("ALTER TABLE conditions RENAME TO elsewhere", Stop);
        await using var stage = new WriteStage(database.Source, commit: new() { MaxDelayMilliseconds = 100 });
        using var cancel = new CancellationTokenSource();

        var impatient = stage.ProcessAsync(Rows(0, 10), null, cancel.Token);
        var patient = stage.ProcessAsync(Rows(100, 10), null, Stop);
        await UntilAsync(stage, PipelineState.OperatorMistake);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => impatient);
        Assert.False(patient.IsCompleted);
        await database.ExecuteAsync("ALTER TABLE elsewhere RENAME TO conditions", Stop);

        Assert.Equal(10, (await patient).Stored);
        Assert.Equal(10, await database.RowsAsync("conditions", Stop));
    }

    [Fact]
    public async Task A_caller_that_cancels_while_its_half_of_a_flush_waits_is_let_go_at_once()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await using var stage = new WriteStage(database.NewSource(commandTimeoutSeconds: 1), commit: new() { MaxDelayMilliseconds = 100 });
        await using var connection = await database.Source.OpenConnectionAsync(Stop);
        await using var transaction = await LockTableAsync(connection);
        using var cancel = new CancellationTokenSource();
        var patient = stage.ProcessAsync(Rows(0, 10), null, Stop);
        var impatient = stage.ProcessAsync(Rows(100, 10), null, cancel.Token);
        await UntilAsync(stage, PipelineState.Outage);
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => impatient.WaitAsync(TimeSpan.FromSeconds(20), TimeProvider.System, Stop));
        Assert.False(patient.IsCompleted);
        await transaction.RollbackAsync(Stop);
        Assert.Equal(10, (await patient).Stored);
    }

    [Fact]
    public async Task A_refused_row_is_found_where_the_server_is_too_slow_for_all_of_them_at_once()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync(
            """
            CREATE FUNCTION slow(temperature double precision) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(
                0.004); RETURN temperature < 100; END';
            ALTER TABLE conditions ADD CONSTRAINT cold CHECK (slow(temperature))
            """,
            Stop);
        await using var stage = new WriteStage(database.NewSource(commandTimeoutSeconds: 1));

        var counts = await stage.ProcessAsync(
            [.. Rows(0, 500), new(1_000, "hot", 1_000.0, 1.0)], null, Stop).WaitAsync(TimeSpan.FromMinutes(2), TimeProvider.System, Stop);

        Assert.Equal(new ReadingCounts(Received: 501, Stored: 500, DeadLettered: 1), counts);
    }

    [Fact]
    public async Task A_function_is_told_when_the_database_does_not_take_its_batch()
    {
        await using var database = await TestDatabase.CreateAsync(Server.Native, postgres, timescale, Stop);
        await database.ExecuteAsync("ALTER TABLE conditions RENAME TO elsewhere", Stop);
        await using var stage = new WriteStage(database.Source, commit: new() { GiveUpAfterSeconds = 1 });

        var told = await Assert.ThrowsAsync<DatabaseUnavailableException>(() => stage.ProcessAsync(Rows(0, 10), null, Stop));
        Assert.Contains("Telemetry:Table", told.Message, StringComparison.Ordinal);
    }

    private static Reading[] Rows(int start, int count) =>
        [.. Enumerable.Range(start, count).Select(number => new Reading(number, "a", 20.0, 1.0 * number))];

    private static Task UntilAsync(WriteStage stage, PipelineState state) =>
        Eventually.IsTrueAsync(() => stage.Health.Read().State == state, $"the pipeline's state is {state}");

    private static async Task<NpgsqlTransaction> LockTableAsync(NpgsqlConnection connection, string table = "conditions")
    {
        var transaction = await connection.BeginTransactionAsync(Stop);
        await using var hold = new NpgsqlCommand($"LOCK TABLE {table}", connection);
        await hold.ExecuteNonQueryAsync(Stop);
        return transaction;
    }
}
