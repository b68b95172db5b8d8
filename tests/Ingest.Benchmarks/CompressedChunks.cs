using System.Text.Json;
using Npgsql;

namespace Ingest.Benchmarks;

/// <param name="States">How many chunks are in which state.</param>
/// <param name="UncompressedRows">Rows of chunks outside of their compressed batches.</param>
internal sealed record ChunkState(IReadOnlyDictionary<string, int> States, long UncompressedRows);

/// <summary>The chunks of <c>conditions</c> as TimescaleDB describes them.</summary>
internal sealed class CompressedChunks(NpgsqlDataSource source)
{
    // The bits of a chunk's status, in TimescaleDB's catalog.
    private const string StatesSql = """
        SELECT format('%I.%I', c.schema_name, c.table_name),
               CASE WHEN c.status & 1 = 0 THEN 'uncompressed'
                    ELSE 'compressed' || CASE WHEN c.status & 2 <> 0 THEN ' unordered' ELSE '' END || CASE WHEN c.status & 8 <> 0 THEN ' partial' ELSE '' END
               END
        FROM _timescaledb_catalog.chunk AS c
        WHERE NOT c.dropped AND format('%I.%I', c.schema_name, c.table_name)::regclass IN (SELECT show_chunks('conditions'))
        """;

    public async Task CompressAsync(CancellationToken cancellationToken) =>
        await ScalarAsync<long>("SELECT count(compress_chunk(chunk)) FROM show_chunks('conditions') AS chunk", cancellationToken);

    public async Task<ChunkState> StateAsync(CancellationToken cancellationToken)
    {
        var chunks = new List<(string Name, string State)>();
        await using (var command = source.CreateCommand(StatesSql))
        await using (var reader = await command.ExecuteReaderAsync(cancellationToken))
        {
            while (await reader.ReadAsync(cancellationToken))
            {
                chunks.Add((reader.GetString(0), reader.GetString(1)));
            }
        }

        var outside = 0L;
        foreach (var (name, _) in chunks)
        {
            outside += await ScalarAsync<long>($"SELECT count(*) FROM ONLY {name}", cancellationToken);
        }

        return new ChunkState(chunks.CountBy(chunk => chunk.State).ToDictionary(), outside);
    }

    /// <summary>Reads a stretch of time as the pipeline does before it compares.</summary>
    /// <returns>The rows returned, and those that compressed batches were unpacked to in memory for it.</returns>
    public async Task<(long Returned, long Decompressed)> ReadAsync(DateTime from, DateTime to, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(
            "EXPLAIN (ANALYZE, FORMAT JSON) SELECT time, device, temperature, humidity FROM conditions WHERE time >= $1 AND time < $2");
        command.Parameters.AddWithValue(from);
        command.Parameters.AddWithValue(to);
        var plan = JsonElement.Parse((string)(await command.ExecuteScalarAsync(cancellationToken))!)[0].GetProperty("Plan");
        return (plan.GetProperty("Actual Rows").GetInt64(), Unpacked(plan));
    }

    public async Task<T> ScalarAsync<T>(string sql, CancellationToken cancellationToken)
    {
        await using var command = source.CreateCommand(sql);
        command.CommandTimeout = 0;
        return (T)(await command.ExecuteScalarAsync(cancellationToken))!;
    }

    private static long Unpacked(JsonElement node)
    {
        var own = node.TryGetProperty("Custom Plan Provider", out var provider)
            && provider.GetString() is "DecompressChunk" or "ColumnarScan"
            ? Count(node, "Actual Rows") + Count(node, "Rows Removed by Filter")
            : 0;
        return own + (node.TryGetProperty("Plans", out var plans) ? plans.EnumerateArray().Sum(Unpacked) : 0);
    }

    private static long Count(JsonElement node, string name) => node.TryGetProperty(name, out var count) ? count.GetInt64() : 0;
}
