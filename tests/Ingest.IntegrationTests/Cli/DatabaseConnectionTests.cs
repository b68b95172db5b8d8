using Ingest.IntegrationTests.Support;
using Ingest.TestSupport.Databases;
using Ingest.TestSupport.Network;
using Ingest.TestSupport.Processes;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Cli;

/// <summary>Connection strings in every form, and TLS that does not come about, as whoever runs a command meets them.</summary>
public sealed class DatabaseConnectionTests(PostgresFixture postgres)
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("postgres://{user}:{password}@127.0.0.1:{port}/{database}?sslmode=disable")]
    [InlineData("postgresql://{user}:{password}@127.0.0.1:{port}/{database}")]
    [InlineData("host=127.0.0.1 port={port} dbname={database} user={user} password={password}")]
    [InlineData("host=localhost port={tls} dbname={database} user={user} password={password} sslmode=verify-full sslrootcert={authority}")]
    [InlineData("postgres://{user}:{password}@127.0.0.1:{tls}/{database}?sslmode=verify-ca&sslrootcert={authority}")]
    public async Task A_URI_and_libpqs_string_serve_migrate_check_and_status_and_no_password_is_shown(string form)
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await using var front = TlsFront.Start((await postgres.ServerAsync()).Port);
        var owner = Filled(form, stage.Owner.ConnectionString, front);
        var environment = new Dictionary<string, string>(stage.Environment)
        {
            ["Database__ConnectionString"] = Filled(form, stage.Environment["Database__ConnectionString"], front),
        };

        var migrate = await CliProcess.RunAsync(new Dictionary<string, string>(), "migrate", "--database", owner);
        var check = await CliProcess.RunAsync(environment, "run", "--check");
        var status = await CliProcess.RunAsync(environment, "status");

        Assert.All([migrate, check, status], run =>
        {
            Assert.True(run.ExitCode == 0, run.ToString());
            Assert.DoesNotContain("for-tests", run.ToString(), StringComparison.Ordinal);
        });
    }

    [Theory]
    [InlineData("Host=localhost;Port={tls};SSL Mode=VerifyFull", "authority that is unknown here", "Root Certificate")]
    [InlineData("Host=localhost;Port={tls};SSL Mode=VerifyCA", "authority that is unknown here", "Root Certificate")]
    [InlineData(
        "Host=127.0.0.1;Port={tls};SSL Mode=VerifyFull;Root Certificate={authority}", "not for 127.0.0.1, but for localhost", "Host")]
    [InlineData("Host=localhost;Port={tls};SSL Mode=VerifyFull;Root Certificate=/no/such.pem", "/no/such.pem", "Root Certificate")]
    [InlineData("Host=localhost;Port={tls};SSL Mode=Require;SSL Certificate=/no/such.crt", "/no/such.", "SSL Certificate")]
    [InlineData("Host=localhost;Port={port};SSL Mode=Require", "cannot do TLS", "SSL Mode")]
    public async Task A_TLS_failure_names_the_host_and_the_setting_and_is_no_outage(string form, string says, string setting)
    {
        await using var stage = await WorkerStage.CreateAsync(postgres);
        await using var front = TlsFront.Start((await postgres.ServerAsync()).Port);
        var login = stage.Environment["Database__ConnectionString"];
        var connection = Filled(form + ";Database={database};Username={user};Password={password}", login, front);
        var host = new NpgsqlConnectionStringBuilder(connection).Host!;
        var environment = new Dictionary<string, string>(stage.Environment) { ["Database__ConnectionString"] = connection };

        var migrate = await CliProcess.RunAsync(environment, "migrate");
        var check = await CliProcess.RunAsync(environment, "run", "--check");

        Assert.All([migrate, check], run =>
        {
            Assert.True(run.ExitCode == 2, run.ToString());
            Assert.All(
                [host, says, setting, "Database:ConnectionString"],
                part => Assert.Contains(part, run.Errors, StringComparison.Ordinal));
            Assert.DoesNotContain("cannot be reached", run.Errors, StringComparison.Ordinal);
            Assert.DoesNotContain("for-tests", run.ToString(), StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task A_server_that_insists_on_TLS_is_named_with_the_setting()
    {
        await using var server = await NativePostgres.StartAsync(cancellationToken: Token);
        var rules = Path.Combine(server.DataFolder, "pg_hba.conf");
        await File.WriteAllTextAsync(rules, "hostnossl all all 127.0.0.1/32 reject\nhost all nobody 127.0.0.1/32 trust\n", Token);
        await server.StopAsync(StopMode.Fast, Token);
        await Assert.ThrowsAnyAsync<PostgresException>(() => server.StartAgainAsync(Token));

        var run = await CliProcess.RunAsync(new Dictionary<string, string>(), "migrate", "--database", server.ConnectionString);

        Assert.True(run.ExitCode == 2, run.ToString());
        Assert.Contains($"127.0.0.1:{server.Port} takes this login over TLS alone", run.Errors, StringComparison.Ordinal);
        Assert.Contains("SSL Mode=Require", run.Errors, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("migrate")]
    [InlineData("status")]
    public async Task An_unknown_host_is_named(string command)
    {
        var run = await CliProcess.RunAsync(
            new Dictionary<string, string>(), command, "--database", "postgres://u:for-tests@nowhere.invalid/db");

        Assert.NotEqual(0, run.ExitCode);
        Assert.Contains("The host nowhere.invalid is unknown here", run.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain("for-tests", run.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("postgres://u:for%tests@h/db")]
    [InlineData("postgres://u:for-tests@h/db?sslmod=require")]
    [InlineData("host=h password=for-tests nonsense=1")]
    public async Task What_cannot_be_read_is_told_without_the_password(string connection)
    {
        var run = await CliProcess.RunAsync(new Dictionary<string, string>(), "migrate", "--database", connection);

        Assert.True(run.ExitCode == 2, run.ToString());
        Assert.Contains("Database:ConnectionString", run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("tests", run.ToString(), StringComparison.Ordinal);
    }

    private static string Filled(string form, string connectionString, TlsFront front)
    {
        var parts = new NpgsqlConnectionStringBuilder(connectionString);
        return form
            .Replace("{port}", $"{parts.Port}", StringComparison.Ordinal)
            .Replace("{tls}", $"{front.Port}", StringComparison.Ordinal)
            .Replace("{authority}", front.AuthorityFile, StringComparison.Ordinal)
            .Replace("{database}", parts.Database, StringComparison.Ordinal)
            .Replace("{user}", parts.Username, StringComparison.Ordinal)
            .Replace("{password}", "for-tests", StringComparison.Ordinal);
    }
}
