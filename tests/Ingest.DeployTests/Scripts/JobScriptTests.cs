using System.Text.Json.Nodes;
using Ingest.DeployTests.Support;
using Xunit;

namespace Ingest.DeployTests.Scripts;

public sealed class JobScriptTests
{
    [Theory]
    [InlineData("apache", "0001_a.timescale.sql 0002_b.sql 0003_c.timescale-apache.sql")]
    [InlineData("timescale", "0001_a.timescale.sql 0002_b.sql 0003_c.timescale-full.sql")]
    public async Task The_migration_applies_what_fits_the_servers_edition_in_order_and_in_one_transaction(string license, string expected)
    {
        using var run = Migration();
        run.Answer("psql *timescaledb.license*", license);
        var result = await run.RunAsync("jobs/migrate.sh");
        Assert.Equal(0, result.ExitCode);
        var applied = result.Only("psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --single-transaction --command");
        var files = applied.Arguments.Where(
            (_, i) => i > 0 && applied.Arguments[i - 1] == "--file").Select(file => Path.GetFileName(file)!);
        Assert.Equal(expected, string.Join(' ', files));

        // The lock that "ingest migrate" takes.
        Assert.Equal("SELECT pg_advisory_xact_lock(x'696E67657374'::bigint)", applied.After("--command"));
    }

    [Theory]
    [InlineData("jobs/migrate.sh")]
    [InlineData("jobs/verify.sh")]
    public async Task A_job_installs_the_releases_it_was_given_and_nothing_else(string script)
    {
        using var run = Job(script);
        await run.RunAsync(script);
        var result = await run.Answer("tdnf *", code: 1).RunAsync(script);
        Assert.Equal(["tdnf install -y -q psql-1.2-3 tar-4-5", "tdnf install -y -q psql-1.2-3 tar-4-5"],
            result.Calls.Where(call => call.Program == "tdnf").Select(call => call.Text));
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("did not give psql-1.2-3 tar-4-5", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_migration_waits_until_the_server_knows_the_identity()
    {
        using var run = Migration();
        run.Answer("psql *SELECT 1*", code: 2, times: 3);
        var result = await run.RunAsync("jobs/migrate.sh");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(3, result.Count("sleep 10"));
        Assert.Contains("attempt 3 of 30", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("psql *SELECT 1*", "did not take the jobs' identity for five minutes")]
    [InlineData("psql *--single-transaction*", "")]
    [InlineData("psql *--set object=*", "")]
    public async Task A_migration_that_fails_fails(string step, string message)
    {
        using var run = Migration();
        run.Answer(step, code: 3);
        var result = await run.RunAsync("jobs/migrate.sh");
        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(message, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Done.", result.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_document_is_put_with_a_token_that_is_on_no_command_line()
    {
        using var run = Seed();
        run.Answer("curl *", "403", times: 2).Answer("curl *", "201");
        var result = await run.RunAsync("jobs/seed.sh");
        Assert.Equal(0, result.ExitCode);
        Assert.All(result.Calls, call => Assert.DoesNotContain("the-token", call.Text, StringComparison.Ordinal));
        Assert.Equal("https://the-cosmos.example", result.Calls[0].After("--resource"));

        var put = result.Calls[^1];
        Assert.Equal("https://the-cosmos.example/dbs/devices/colls/Container/docs", put.Arguments[^1]);
        Assert.Contains("Authorization: type%3Daad%26ver%3D1.0%26sig%3Dthe-token\n", put.Files[0], StringComparison.Ordinal);
        Assert.Contains("x-ms-documentdb-partitionkey: [\"itsme\"]", put.Files[0], StringComparison.Ordinal);
        Assert.Contains("x-ms-documentdb-is-upsert: true", put.Files[0], StringComparison.Ordinal);
        var document = JsonNode.Parse(put.Files[1])!;
        Assert.Equal("itsme", (string?)document["id"]);
        Assert.Equal("itsme", (string?)document["name"]);
    }

    [Theory]
    [InlineData("400", 1)]
    [InlineData("404", 1)]
    [InlineData("403", 30)]
    public async Task A_document_that_is_refused_for_good_fails_with_the_answer(string status, int attempts)
    {
        using var run = Seed();
        run.Answer("curl *", status);
        var result = await run.RunAsync("jobs/seed.sh");
        Assert.Equal(1, result.ExitCode);
        Assert.Equal(attempts, result.Count("curl"));
        Assert.Contains($"did not take the document of itsme; it answered {status}", result.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("1", "1")]
    [InlineData("0", "0")]
    public async Task A_verification_says_how_many_rows_it_found(string found, string expected)
    {
        using var run = Verification();
        run.Answer("psql *", found);
        var result = await run.RunAsync("jobs/verify.sh");
        Assert.Equal(0, result.ExitCode);
        var output = JsonNode.Parse(await File.ReadAllTextAsync(run.In("outputs.json"), TestContext.Current.CancellationToken))!;
        Assert.Equal(expected, (string?)output["rows"]);
        Assert.Equal(1, result.Count("python3"));
    }

    [Fact]
    public async Task A_verification_sends_again_only_what_was_not_sent()
    {
        using var run = Verification();
        run.Answer("psql *", "1").Answer("python3 *", code: 1, times: 2);
        var result = await run.RunAsync("jobs/verify.sh");
        Assert.Equal(0, result.ExitCode);
        Assert.Equal(3, result.Count("python3"));
    }

    private static ScriptRun Job(string script) => script == "jobs/migrate.sh" ? Migration() : Verification().Answer("psql *", "1");

    private static ScriptRun Migration()
    {
        var run = new ScriptRun("az", "psql", "tdnf", "sleep");
        var script = run.In("repo/deploy/functions/jobs/migrate.sh");
        File.WriteAllText(script, File.ReadAllText(script).Replace("__SQL_ARCHIVE__", Archive(), StringComparison.Ordinal));
        return run.With("PACKAGES", "psql-1.2-3 tar-4-5")
            .With("PGHOST", "the-pg")
            .With("PGDATABASE", "ingest")
            .With("PGUSER", "the-jobs")
            .With("APP_ROLE", "the-app")
            .With("APP_OBJECT_ID", "1")
            .With("CONSOLE_ROLE", "the-console").With("CONSOLE_OBJECT_ID", "2");
    }

    private static ScriptRun Seed() =>
        new ScriptRun("az", "curl", "sleep")
            .Answer("az account get-access-token*", "the-token")
            .With("COSMOS_ENDPOINT", "https://the-cosmos.example:443/").With("COSMOS_DATABASE", "devices").With(
                "COSMOS_CONTAINER", "Container").With("DEVICE", "itsme");

    private static ScriptRun Verification()
    {
        var run = new ScriptRun("az", "psql", "tdnf", "sleep", "python3");
        return run.With("PACKAGES", "psql-1.2-3 tar-4-5")
            .With("HUB_HOST", "the-hub.example")
            .With("DEVICE", "d")
            .With("ROWS", "1")
            .With("SECONDS_ALLOWED", "1")
            .With("PGHOST", "the-pg")
            .With("PGDATABASE", "ingest").With("PGUSER", "the-jobs").With("AZ_SCRIPTS_OUTPUT_PATH", run.In("outputs.json"));
    }

    private static string Archive()
    {
        string[] names =
        [
            "0001_a.postgres.sql", "0001_a.timescale.sql", "0002_b.sql", "0003_c.timescale-apache.sql", "0003_c.timescale-full.sql",
            "0004_retention.timescale-apache.sql", "0004_retention.timescale-full.sql",
        ];
        return SqlArchive.Of(names.Select(name => (name, "SELECT 1;")));
    }
}
