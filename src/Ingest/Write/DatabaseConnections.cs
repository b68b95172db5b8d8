using Ingest.Settings;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Ingest.Write;

/// <summary>Makes the data source that everything in the pipeline uses.</summary>
public static class DatabaseConnections
{
    /// <summary>
    /// A data source that fits a pooler in transaction mode: no prepared statements, and no reset when a connection goes back to the pool,
    /// as nothing here leaves session state behind. A pool of one connection is enough.
    /// </summary>
    /// <param name="settings">Where the database is.</param>
    /// <param name="password">
    /// Gives the current password, for logins by token; asked for every new connection, with the token of the caller who opens it, so that
    /// it should keep one while that is good. Null: the connection string says it.
    /// </param>
    /// <param name="loggers">Npgsql's own log; null for none.</param>
    public static NpgsqlDataSource Create(
        DatabaseSettings settings,
        Func<CancellationToken, ValueTask<string>>? password = null,
        ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var builder = new NpgsqlDataSourceBuilder(PostgresConnectionString.Read(settings.ConnectionString).ConnectionString);
        var connection = builder.ConnectionStringBuilder;
        connection.MaxAutoPrepare = 0;
        connection.NoResetOnClose = true;
        connection.Enlist = false;
        connection.CommandTimeout = settings.CommandTimeoutSeconds;
        connection.Timeout = settings.ConnectTimeoutSeconds;
        connection.TcpKeepAlive = true;
        connection.ApplicationName ??= "ingest";
        // Metrics name the pool, by default with the user and all else of the connection string but the password.
        builder.Name = $"{connection.Host}/{connection.Database}";
        if (loggers is not null)
        {
            builder.UseLoggerFactory(loggers);
        }

        if (password is not null)
        {
            // With the periodic provider, the caller who needs the first password would wait for it beyond his own limit.
            builder.UsePasswordProvider(
                _ => Task.Run(async () => await password(CancellationToken.None)).GetAwaiter().GetResult(),
                (_, cancellationToken) => password(cancellationToken));
        }

        return builder.Build();
    }
}
