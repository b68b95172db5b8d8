using Ingest.DeployTests.Support;
using Npgsql;
using Xunit;

namespace Ingest.DeployTests.Scripts;

/// <summary>The jobs' SQL on a real server, as identities that come and go apply it.</summary>
public sealed class DatabaseRightsTests
{
    private const string StoreARow =
        "INSERT INTO conditions (time, device) VALUES (now(), 'd'); INSERT INTO checkpoints (hub, consumer_group, partition, epoch, "
            + "updated_at) VALUES ('h', 'g', random()::text, 1, now())";

    [Fact]
    public async Task The_app_stores_rows_whatever_becomes_of_the_role_that_migrated()
    {
        await using var database = await JobDatabase.StartAsync();
        await MigrateAsync(database);
        await database.AsAsync(JobDatabase.App, StoreARow);

        await database.DropAdministratorAsync();
        await database.AsAsync(JobDatabase.App, StoreARow);

        await database.MakeAdministratorAsync();
        await MigrateAsync(database);
        await database.AsAsync(JobDatabase.App, StoreARow);
        Assert.Equal(3L, await database.AsAsync(JobDatabase.App, "SELECT count(*) FROM conditions"));
    }

    [Fact]
    public async Task An_app_made_anew_is_let_in_by_the_next_run()
    {
        await using var database = await JobDatabase.StartAsync();
        await MigrateAsync(database);
        await database.DropAdministratorAsync();
        await database.AsSuperuserAsync("postgres", $"DROP ROLE \"{JobDatabase.App}\"");
        await database.MakeAdministratorAsync();
        await MigrateAsync(database);
        await database.AsAsync(JobDatabase.App, StoreARow);
    }

    [Fact]
    public async Task The_app_owns_nothing_and_cannot_become_the_owner()
    {
        await using var database = await JobDatabase.StartAsync();
        await MigrateAsync(database);
        Assert.Equal(0L, await database.AsAsync(JobDatabase.App, "SELECT count(*) FROM pg_class WHERE relowner = current_user::regrole"));
        foreach (var forbidden in (string[])["SELECT ingest_admin.become_owner()", "SET ROLE ingest_owner",
            "DELETE FROM conditions", "CREATE TABLE t (a int)"])
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => database.AsAsync(JobDatabase.App, forbidden));
            Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        }
    }

    [Fact]
    public async Task A_verification_counts_rows_under_a_role_that_never_migrated()
    {
        await using var database = await JobDatabase.StartAsync();
        await MigrateAsync(database);
        await database.AsAsync(JobDatabase.App, StoreARow);
        await database.DropAdministratorAsync();
        await database.MakeAdministratorAsync();

        using var run = database.For(new ScriptRun("az", "tdnf", "sleep", "python3"));
        run.With("HUB_HOST", "the-hub.example").With("DEVICE", "d").With("ROWS", "1").With("SECONDS_ALLOWED", "1").With(
            "AZ_SCRIPTS_OUTPUT_PATH", run.In("outputs.json"));
        var result = await run.RunAsync("jobs/verify.sh");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.StartsWith(
            """{"rows":"1",""",
            await File.ReadAllTextAsync(run.In("outputs.json"), TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_console_reads_and_writes_as_the_app_does_and_changes_tables_only_as_their_owner()
    {
        await using var database = await JobDatabase.StartAsync();
        await MigrateAsync(database);
        await database.DropAdministratorAsync();
        await database.AsAsync(JobDatabase.Console, StoreARow);
        await database.AsAsync(JobDatabase.Console, "DELETE FROM dead_letters");
        var refused = await Assert.ThrowsAsync<PostgresException>(
            () => database.AsAsync(JobDatabase.Console, "ALTER TABLE conditions ADD COLUMN more int"));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        await database.AsAsync(JobDatabase.Console, "SET ROLE ingest_owner; ALTER TABLE conditions ADD COLUMN more int");
    }

    private static async Task MigrateAsync(JobDatabase database)
    {
        using var run = database.For(new ScriptRun("az", "tdnf", "sleep"));
        var script = run.In("repo/deploy/functions/jobs/migrate.sh");
        var text = await File.ReadAllTextAsync(script, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(
            script,
            text.Replace("__SQL_ARCHIVE__", SqlArchive.OfRepository(), StringComparison.Ordinal),
            TestContext.Current.CancellationToken);
        var result = await run.With("APP_ROLE", JobDatabase.App).With("APP_OBJECT_ID", "1").With(
            "CONSOLE_ROLE", JobDatabase.Console).With("CONSOLE_OBJECT_ID", "2")
            .RunAsync("jobs/migrate.sh");
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.DoesNotContain("warning:", result.Error, StringComparison.Ordinal);
    }
}
