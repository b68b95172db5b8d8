using Ingest.Database.Embedded;
using Ingest.Settings;
using Ingest.Worker.Hosting;
using Npgsql;

namespace Ingest.Cli.Hosting;

/// <summary>
/// The database of a command that only looks: the one that the settings name, else the embedded one that <c>ingest up</c> left, started for
/// as long as the command runs.
/// </summary>
internal sealed class CommandDatabase : IAsyncDisposable
{
    private readonly EmbeddedDatabase? _embedded;

    private CommandDatabase(NpgsqlDataSource dataSource, string name, EmbeddedDatabase? embedded)
    {
        DataSource = dataSource;
        Name = name;
        _embedded = embedded;
    }

    public NpgsqlDataSource DataSource { get; }

    /// <summary>What a person calls it: host and database, never the login.</summary>
    public string Name { get; }

    public static async Task<CommandDatabase> OpenAsync(
        DatabaseSettings settings, IProgress<string> progress, CancellationToken cancellationToken)
    {
        if (settings.ConnectionString.Length > 0)
        {
            return new CommandDatabase(DatabaseLogin.Connect(settings, loggers: null), NameOf(settings.ConnectionString), embedded: null);
        }

        var options = new EmbeddedDatabaseSettings();
        if (!Directory.Exists(options.DataFolder))
        {
            throw new CommandException(
                "No database is named: give --database or set Database:ConnectionString. (The embedded database of 'ingest up' does not "
                    + "exist yet.)");
        }

        var embedded = await EmbeddedDatabase.StartAsync(options, progress, cancellationToken);
        settings.ConnectionString = embedded.ConnectionString;
        settings.Copy = false;
        return new CommandDatabase(DatabaseLogin.Connect(settings, loggers: null), "the embedded TimescaleDB", embedded);
    }

    public static string NameOf(string connectionString)
    {
        var parts = PostgresConnectionString.Read(connectionString);
        return $"{parts.Host}/{parts.Database ?? parts.Username}";
    }

    public async ValueTask DisposeAsync()
    {
        await DataSource.DisposeAsync();
        if (_embedded is not null)
        {
            await _embedded.DisposeAsync();
        }
    }
}
