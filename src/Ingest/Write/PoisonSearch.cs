using System.Data;
using Ingest.Decode;
using Ingest.GroupCommit;
using Npgsql;

namespace Ingest.Write;

/// <summary>Finds the rows that the server refuses, by halving under savepoints in a transaction that is rolled back.</summary>
internal static class PoisonSearch
{
    /// <param name="session">The transaction to try them in.</param>
    /// <param name="flush">The flush.</param>
    /// <param name="rows">Its rows, compared with what is stored.</param>
    /// <param name="writer">Writes them.</param>
    /// <param name="cancellationToken">Abandons the search.</param>
    /// <returns>The refused rows, with what the server said.</returns>
    public static async Task<IReadOnlyList<RefusedRow>> FindAsync(FlushSession session, Flush flush, FlushRows rows, RowWriter writer, CancellationToken cancellationToken)
    {
        var (connection, transaction) = (session.Connection, session.Transaction);
        await using (var immediate = new NpgsqlCommand("SET CONSTRAINTS ALL IMMEDIATE", connection))
        {
            await immediate.ExecuteNonQueryAsync(cancellationToken);
        }

        var refused = new List<RefusedRow>();
        var ranges = new Stack<Range>();
        for (var start = 0; start < rows.Count; start += flush.StatementRows)
        {
            ranges.Push(start..Math.Min(rows.Count, start + flush.StatementRows));
        }

        while (ranges.TryPop(out var range))
        {
            var (start, length) = range.GetOffsetAndLength(rows.Count);
            await transaction.SaveAsync("probe", cancellationToken);
            try
            {
                await using var batch = new NpgsqlBatch(connection) { BatchCommands = { writer.Upsert(rows, range) } };
                await batch.ExecuteNonQueryAsync(cancellationToken);
                await transaction.ReleaseAsync("probe", cancellationToken);
            }
            catch (Exception exception) when (Halves(exception, length) && connection.State == ConnectionState.Open)
            {
                await transaction.RollbackAsync("probe", cancellationToken);
                var middle = start + (length / 2);
                ranges.Push(middle..(start + length));
                ranges.Push(start..middle);
            }
            catch (PostgresException exception) when (PostgresFailure.Of(exception).Kind is FailureKind.Poison or FailureKind.Conflict)
            {
                await transaction.RollbackAsync("probe", cancellationToken);
                if (rows.IsNew(start))
                {
                    refused.Add(new RefusedRow(rows.Batches[rows.BatchOf(start)], rows.RowOf(start), exception.SqlState, exception.ColumnName, exception.MessageText));
                }
            }
        }

        return refused;
    }

    private static bool Halves(Exception exception, int rows) => PostgresFailure.Of(exception).Kind switch
    {
        FailureKind.Poison or FailureKind.Conflict => rows > 1,
        FailureKind.TooSlow => rows > Flush.FewestStatementRows,
        _ => false,
    };
}

/// <summary>A row that the server refuses.</summary>
/// <param name="Batch">Its batch.</param>
/// <param name="Row">Its row there.</param>
/// <param name="SqlState">The server's code.</param>
/// <param name="Column">The column the server named, if any.</param>
/// <param name="Message">What the server said.</param>
internal readonly record struct RefusedRow(DecodedBatch Batch, int Row, string SqlState, string? Column, string Message);
