using Dapper;
using Npgsql;

namespace Ingest.Schema;

/// <summary>Queries the catalog on one connection.</summary>
internal sealed class Catalog(NpgsqlConnection connection, CancellationToken cancellationToken)
{
    public async Task<T?> OneAsync<T>(string sql, object? parameters = null)
        where T : class =>
        await connection.QuerySingleOrDefaultAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));

    public async Task<IReadOnlyList<T>> ListAsync<T>(string sql, object parameters) =>
        [.. await connection.QueryAsync<T>(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken))];
}

/// <summary>What the server says of itself: <see cref="CatalogSql.Server"/>.</summary>
internal sealed class ServerRow
{
    public string Version { get; init; } = "";

    public int VersionNumber { get; init; }

    public string Encoding { get; init; } = "";

    public bool Embedded { get; init; }

    public bool InRecovery { get; init; }

    public bool ReadOnly { get; init; }

    public string User { get; init; } = "";

    public string? TimescaleVersion { get; init; }

    public string? TimescaleLicense { get; init; }
}

/// <summary>A table: <see cref="CatalogSql.Table"/>.</summary>
internal sealed class TableRow
{
    public long Oid { get; init; }

    public string Kind { get; init; } = "";

    public string Schema { get; init; } = "";

    public string Name { get; init; } = "";

    public bool RowSecurity { get; init; }

    public bool InsertRule { get; init; }
}

/// <summary>A column of it.</summary>
internal sealed class ColumnRow
{
    public string Name { get; init; } = "";

    public string Type { get; init; } = "";

    public bool NotNull { get; init; }

    public bool HasDefault { get; init; }

    public bool Generated { get; init; }

    public string Identity { get; init; } = "";

    public bool LooseCollation { get; init; }
}

/// <summary>A trigger: <see cref="CatalogSql.OtherTriggers"/>.</summary>
internal sealed class TriggerRow
{
    public string Name { get; init; } = "";

    public bool EachRow { get; init; }
}

/// <summary>A foreign key: <see cref="CatalogSql.ForeignKeys"/>.</summary>
internal sealed class ForeignKeyRow
{
    public string Name { get; init; } = "";

    /// <summary>Whether the table references the other one, or is referenced by it.</summary>
    public bool IsOwn { get; init; }

    public string OnDelete { get; init; } = "";

    public string Other { get; init; } = "";
}
