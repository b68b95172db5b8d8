using System.Text.Json;
using Ingest.Database.Node;
using Npgsql;

namespace Ingest.Database.Embedded;

/// <summary>
/// A real TimescaleDB without Docker or an installed PostgreSQL, for development and tests: PostgreSQL 17 and TimescaleDB 2.23 (the full
/// edition) compiled to WebAssembly, in a Node process of its own on 127.0.0.1. It lets in who has the password of this start (SCRAM-SHA-256), as
/// a role that loads no library, writes no file of the server and is no superuser. It runs one transaction at a time (another client's waits for
/// up to 20 s, then 55P03), takes no <c>COPY FROM STDIN</c> (0A000) and no message over 64 MiB (54000), cannot cancel a statement, and keeps no
/// prepared statements between transactions. It never outlives this process.
/// </summary>
public sealed class EmbeddedDatabase : IAsyncDisposable
{
    private static readonly TimeSpan PatienceToStart = TimeSpan.FromSeconds(120);
    private static readonly TimeSpan PatienceToStop = TimeSpan.FromSeconds(10);

    private readonly DataFolderLock _lock;
    private readonly NodeProcess _server;

    private EmbeddedDatabase(DataFolderLock folderLock, NodeProcess server, string connectionString)
    {
        _lock = folderLock;
        _server = server;
        ConnectionString = connectionString;
    }

    /// <summary>For a pool of one connection, which is all that is of use here. It holds the password of this start: not to be shown or logged.</summary>
    public string ConnectionString { get; }

    /// <summary>The id of the process that serves it.</summary>
    public int ProcessId => _server.Id;

    /// <summary>Completes with what it last said when it ends without having been stopped.</summary>
    public Task<string> DiedByItself => _server.DiedByItself;

    /// <summary>Starts it: a few seconds for a new data folder, else about one and a half.</summary>
    /// <exception cref="DatabaseSetupException">Node.js is missing or too old, the packages cannot be installed, or the folder is in use or somebody else's.</exception>
    public static async Task<EmbeddedDatabase> StartAsync(
        EmbeddedDatabaseSettings options,
        IProgress<string>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        var dataFolder = Path.GetFullPath(options.DataFolder);
        if (options.PackagesFolder == StateFolder.OfUser)
        {
            // Nobody else looks in there; a folder that was named, as the tests' is, may have readers.
            TrustedFiles.MakePrivateFolder(StateFolder.OfUser);
        }

        var folderLock = await DataFolderLock.TakeAsync(dataFolder, cancellationToken);
        try
        {
            var packages = await NodePackages.InstallAsync(options.Packages, options.PackagesFolder, progress, cancellationToken);
            progress?.Report("starting the embedded TimescaleDB");
            var files = Path.Combine(dataFolder, "postgres");
            if (options.Fresh && Directory.Exists(files))
            {
                Directory.Delete(files, recursive: true);
            }

            var (server, readyLine) = await NodeProcess.StartAsync(
                "database.mjs",
                [packages.Folder, files, .. options.Temporary ? (string[])[dataFolder] : []],
                PatienceToStart,
                started => folderLock.SetServer(started.Id, started.StartTime),
                cancellationToken);
            return new EmbeddedDatabase(folderLock, server, ConnectionStringFor(readyLine));
        }
        catch
        {
            folderLock.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearPool(new NpgsqlConnection(ConnectionString));
        await _server.StopAsync(PatienceToStop);
        await _server.DisposeAsync();
        _lock.Dispose();
    }

    private static string ConnectionStringFor(string readyLine)
    {
        using var ready = JsonDocument.Parse(readyLine);
        return new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = ready.RootElement.GetProperty("port").GetInt32(),
            Username = ready.RootElement.GetProperty("user").GetString(),
            Password = ready.RootElement.GetProperty("password").GetString(),
            Database = "postgres",
            MaxPoolSize = 1,
            NoResetOnClose = true,
            SslMode = SslMode.Disable,
            GssEncryptionMode = GssEncryptionMode.Disable,
        }.ConnectionString;
    }
}
