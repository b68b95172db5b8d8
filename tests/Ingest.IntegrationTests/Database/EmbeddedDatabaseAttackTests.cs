using System.Diagnostics;
using System.Text;
using Dapper;
using Ingest.TestSupport.Fuzzing;
using Ingest.TestSupport.Network;
using Npgsql;
using Xunit;

namespace Ingest.IntegrationTests.Database;

/// <summary>Its port is open to every user of the machine: what they can do there, and what somebody can do who has the secret.</summary>
public sealed class EmbeddedDatabaseAttackTests(EmbeddedStage stage) : IClassFixture<EmbeddedStage>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("")]
    [InlineData("postgres")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public async Task Nobody_is_let_in_without_the_secret_of_this_start(string password)
    {
        var settings = new NpgsqlConnectionStringBuilder(await stage.ConnectionStringAsync()) { Pooling = false, Password = password };
        await using var connection = new NpgsqlConnection(settings.ConnectionString);

        var refused = await Assert.ThrowsAnyAsync<Exception>(() => connection.OpenAsync(Token));

        Assert.True(
            refused is PostgresException { SqlState: PostgresErrorCodes.InvalidPassword } || (password.Length == 0 && refused is NpgsqlException),
            refused.ToString());
        await stage.AssertServesAsync();
    }

    [Fact]
    public async Task Every_start_has_a_secret_of_its_own()
    {
        await stage.ConnectionStringAsync();
        var first = await SecretAsync();
        await stage.RestartAsync();
        var second = await SecretAsync();

        Assert.NotEqual(first, second);
        Assert.True(first.Length >= 43, "it is shorter than 256 bits");

        async Task<string> SecretAsync() => new NpgsqlConnectionStringBuilder(await stage.ConnectionStringAsync()).Password!;
    }

    [Fact]
    public async Task Other_users_do_not_see_the_secret_in_the_list_of_processes()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var secret = new NpgsqlConnectionStringBuilder(await stage.ConnectionStringAsync()).Password!;
        var info = new ProcessStartInfo("ps", ["-ww", "-A", "-o", "args="]) { RedirectStandardOutput = true };
        using var ps = Process.Start(info)!;
        var processes = await ps.StandardOutput.ReadToEndAsync(Token);

        Assert.Contains("database.mjs", processes, StringComparison.Ordinal);
        Assert.DoesNotContain(secret, processes, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("LOAD 'timescaledb'")]
    [InlineData("LOAD '/tmp/pglite/base/module'")]
    [InlineData("SELECT lo_export(lo_from_bytea(0, '\\x0061736d01000000'), '/tmp/pglite/base/module')")]
    [InlineData("SELECT lo_import('/etc/passwd')")]
    [InlineData("CREATE FUNCTION run() RETURNS integer LANGUAGE c AS '/tmp/pglite/base/module', 'run'")]
    [InlineData("CREATE FUNCTION run() RETURNS integer LANGUAGE internal AS 'pg_read_file'")]
    [InlineData("CREATE LANGUAGE run HANDLER plpgsql_call_handler")]
    [InlineData("COPY (SELECT 1) TO '/tmp/pglite/base/file'")]
    [InlineData("COPY (SELECT 1) TO PROGRAM 'id'")]
    [InlineData("CREATE TEMP TABLE lines (line text); COPY lines FROM '/etc/passwd'")]
    [InlineData("CREATE TEMP TABLE lines (line text); COPY lines FROM PROGRAM 'id'")]
    [InlineData("SELECT pg_read_file('/etc/passwd')")]
    [InlineData("SELECT pg_read_binary_file('PG_VERSION')")]
    [InlineData("SELECT pg_ls_dir('/')")]
    [InlineData("SELECT pg_stat_file('/etc/passwd')")]
    [InlineData("ALTER SYSTEM SET archive_command = 'id'")]
    [InlineData("SET dynamic_library_path = '/tmp'")]
    [InlineData("SET session_preload_libraries = 'run'")]
    [InlineData("SET allow_system_table_mods = on")]
    [InlineData("SET log_min_messages = debug5")]
    [InlineData("CREATE TABLESPACE elsewhere LOCATION '/tmp'")]
    [InlineData("CREATE ROLE other SUPERUSER")]
    [InlineData("ALTER ROLE ingest SUPERUSER")]
    [InlineData("GRANT pg_execute_server_program TO ingest")]
    [InlineData("UPDATE pg_authid SET rolsuper = true")]
    [InlineData("UPDATE pg_language SET lanpltrusted = true")]
    [InlineData("ALTER FUNCTION pg_read_file(text) OWNER TO ingest")]
    [InlineData("SET ROLE postgres")]
    [InlineData("SET LOCAL ROLE postgres")]
    [InlineData("SET SESSION AUTHORIZATION postgres")]
    [InlineData("SELECT set_config('session_authorization', 'postgres', false)")]
    [InlineData("SELECT set_config('role', 'postgres', false)")]
    [InlineData("DO $$ BEGIN EXECUTE 'SET SESSION AUTHOR' || 'IZATION postgres'; END $$")]
    [InlineData("CREATE FUNCTION as_other() RETURNS void LANGUAGE sql SET role = postgres AS 'SELECT'")]
    public async Task Who_has_the_secret_runs_no_code_writes_no_file_and_becomes_nobody_else(string sql)
    {
        await using var connection = await stage.OpenAsync();

        var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.ExecuteAsync(sql));

        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
    }

    [Theory]
    [InlineData("CREATE EXTENSION file_fdw")]
    [InlineData("CREATE EXTENSION dblink")]
    [InlineData("CREATE EXTENSION plpython3u")]
    [InlineData("DROP EXTENSION timescaledb")]
    public async Task It_can_be_given_no_other_extensions(string sql)
    {
        await using var connection = await stage.OpenAsync();

        var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.ExecuteAsync(sql));

        Assert.Contains(refused.SqlState, (string[])[PostgresErrorCodes.InsufficientPrivilege, PostgresErrorCodes.FeatureNotSupported]);
    }

    [Theory]
    [InlineData("RESET ROLE")]
    [InlineData("RESET SESSION AUTHORIZATION")]
    [InlineData("SET SESSION AUTHORIZATION DEFAULT")]
    [InlineData("SET ROLE NONE")]
    [InlineData("RESET ALL")]
    [InlineData("DISCARD ALL")]
    public async Task No_reset_leads_back_to_the_superuser(string sql)
    {
        await using (var connection = await stage.OpenAsync())
        {
            await connection.ExecuteAsync(sql);
            Assert.Equal("ingest ingest off", await connection.ExecuteScalarAsync<string>(Who));
        }

        await using var next = await stage.OpenAsync();
        Assert.Equal("ingest ingest off", await next.ExecuteScalarAsync<string>(Who));
    }

    [Fact]
    public async Task Eight_zero_bytes_end_their_sender_alone()
    {
        await stage.ConnectionStringAsync();
        await using var attacker = await stage.ConnectAsync();

        await attacker.SendAsync(new byte[8], Token);

        Assert.Contains("08P01", Encoding.UTF8.GetString(await attacker.ToTheEndAsync(Token)), StringComparison.Ordinal);
        await stage.AssertServesAsync();
    }

    [Theory]
    [InlineData('y')]
    [InlineData('p')]
    [InlineData('\0')]
    public async Task A_message_that_no_client_sends_ends_its_sender_alone(char type)
    {
        await using var attacker = await stage.LogInAsync();

        await attacker.SendAsync(PostgresWire.Message(type, new byte[20]), Token);

        Assert.Contains("08P01", Encoding.UTF8.GetString(await attacker.ToTheEndAsync(Token)), StringComparison.Ordinal);
        await stage.AssertServesAsync();
    }

    [Theory]
    [InlineData(3)]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public async Task A_message_of_an_impossible_length_ends_its_sender_alone(int length)
    {
        await using var attacker = await stage.LogInAsync();

        await attacker.SendAsync(new byte[] { (byte)'Q', (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length }, Token);

        Assert.Equal('E', (char)(await attacker.ToTheEndAsync(Token))[0]);
        await stage.AssertServesAsync();
    }

    [Fact]
    public async Task Before_the_login_ten_thousand_bytes_are_kept_at_most()
    {
        await stage.ConnectionStringAsync();
        await using var attacker = await stage.ConnectAsync();

        await attacker.SendAsync(new byte[] { 0x7F, 0xFF, 0xFF, 0xFF, 0, 3, 0, 0 }, Token);

        // At once, and not when so many bytes have come.
        Assert.Contains("08P01", Encoding.UTF8.GetString(await attacker.ToTheEndAsync(Token)), StringComparison.Ordinal);
        await stage.AssertServesAsync();
    }

    [Fact]
    public async Task A_client_that_stalls_in_its_login_is_cut_off()
    {
        await stage.ConnectionStringAsync();
        await using var silent = await stage.ConnectAsync();
        await using var halfway = await stage.ConnectAsync();
        await halfway.SendAsync(PostgresWire.StartUp(("user", "ingest")), Token);

        await Task.WhenAll(silent.ToTheEndAsync(Token), halfway.ToTheEndAsync(Token)).WaitAsync(Patience, TimeProvider.System, Token);

        await stage.AssertServesAsync();
    }

    [Fact]
    public async Task Crowds_that_do_not_log_in_keep_nobody_out()
    {
        await stage.ConnectionStringAsync();
        var crowd = new List<PostgresWire>();
        try
        {
            for (var i = 0; i < 300; i++)
            {
                crowd.Add(await stage.ConnectAsync());
            }

            await stage.AssertServesAsync();
            // The oldest made room.
            await crowd[0].ToTheEndAsync(Token).WaitAsync(TimeSpan.FromSeconds(2), TimeProvider.System, Token);
        }
        finally
        {
            foreach (var wire in crowd)
            {
                await wire.DisposeAsync();
            }
        }
    }

    [Fact]
    public async Task A_parameter_past_the_bound_is_refused_in_words_and_the_next_client_served()
    {
        await using (var connection = await stage.OpenAsync())
        {
            var refused = await Assert.ThrowsAsync<PostgresException>(() => connection.ExecuteScalarAsync<int>("SELECT length(@bytes)", new { bytes = new byte[65 * 1024 * 1024] }));
            Assert.Equal("54000", refused.SqlState);
            Assert.Contains("64 MiB", refused.MessageText, StringComparison.Ordinal);
        }

        await stage.AssertServesAsync();
    }

    [Fact]
    public async Task Who_waits_for_a_turn_is_not_buffered_without_end()
    {
        await using var holder = await stage.OpenAsync();
        await using var transaction = await holder.BeginTransactionAsync(Token);
        await holder.ExecuteAsync("SELECT 1");
        await using var flooder = await stage.LogInAsync();
        var statement = PostgresWire.Query($"SELECT length('{new string('x', 1024 * 1024)}')");

        // The kernel's buffers and one message. Then nothing more, however often others are answered, for which the server has to look at all its connections.
        var sent = 0L;
        for (var answers = 0; answers < 20;)
        {
            var taken = flooder.SendAtOnce(statement.AsSpan((int)(sent % statement.Length)));
            sent += taken;
            Assert.True(sent < 64L * 1024 * 1024, $"{sent} bytes were taken from a client that had no turn");
            answers = taken > 0 ? 0 : answers + 1;
            await AnswersAsync();
        }

        async Task AnswersAsync()
        {
            await using var other = await stage.ConnectAsync();
            await other.SendAsync(new byte[8], Token);
            Assert.NotEmpty(await other.ToTheEndAsync(Token));
        }
    }

    [Theory]
    [InlineData("SELECT repeat('[', 1000000)::jsonb")]
    [InlineData("/* hidden */ COPY survivors FROM STDIN")]
    public async Task A_client_that_breaks_the_session_ends_alone(string sql)
    {
        await using var other = await stage.OpenAsync();
        await other.ExecuteAsync("CREATE TABLE IF NOT EXISTS survivors (value integer); TRUNCATE survivors; INSERT INTO survivors VALUES (1)");
        await using (var breaking = await stage.OpenAsync())
        {
            await breaking.ExecuteAsync("BEGIN; INSERT INTO survivors VALUES (2)");
            var ended = await Assert.ThrowsAnyAsync<NpgsqlException>(() => breaking.ExecuteAsync(sql));
            Assert.Equal("57P02", (ended as PostgresException)?.SqlState);
        }

        Assert.Equal([1], await other.QueryAsync<int>("SELECT value FROM survivors"));
        Assert.Equal("ingest ingest off", await other.ExecuteScalarAsync<string>(Who));
        await stage.AssertServesAsync();
    }

    [Fact]
    public async Task A_client_that_leaves_in_the_middle_of_a_failed_transaction_leaves_nothing_behind()
    {
        await using (var leaving = await stage.LogInAsync())
        {
            await leaving.SendAsync(PostgresWire.Query("BEGIN"), Token);
            await leaving.ReadAsync(Token);
            // The rest is skipped until Sync, which never comes.
            await leaving.SendAsync(PostgresWire.Message('P', 1, 2, 3), Token);
            Assert.Equal('Z', (await leaving.ReadAsync(Token)).Type);
            Assert.Equal('E', (await leaving.ReadAsync(Token)).Type);
        }

        await stage.AssertServesAsync();
    }

    [Fact]
    public async Task Any_bytes_end_their_sender_alone_and_let_nobody_in()
    {
        var fuzzer = new EmbeddedPortFuzzer(await stage.ConnectionStringAsync(), seed: 1);

        Assert.Null(await fuzzer.RunAsync(4_000, Token));
        await stage.AssertServesAsync();
    }

    private const string Who = "SELECT session_user || ' ' || current_user || ' ' || current_setting('is_superuser')";
}
