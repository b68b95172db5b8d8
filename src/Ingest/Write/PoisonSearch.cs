using System.Data;
using Ingest.Decode;
using Ingest.Failures;
using Npgsql;

namespace Ingest.Write;

/// <summary>Finds the rows that the server refuses, by halving under savepoints in a transaction that is rolled back.</summary>
internal static class PoisonSearch
{
    // Where nothing is stored yet, so many rows tell that all are refused.
    private const int RowsWithoutWitness = SystematicRefusalDetector.Mistake;

    /// <summary>What the server says to the newest stored row, once more.</summary>
    private enum Witness
    {
        /// <summary>Nothing that tells: no row is stored yet, or it breaks a constraint that is newer than it.</summary>
        None,

        /// <summary>It takes it: what it refuses besides is refused for what it holds.</summary>
        Passed,

        /// <summary>It refuses it, as it will any row.</summary>
        Refused,
    }

    /// <param name="session">The transaction to try them in.</param>
    /// <param name="flush">The flush.</param>
    /// <param name="rows">Its rows, compared with what is stored.</param>
    /// <param name="writer">Writes them.</param>
    /// <param name="cancellationToken">Abandons the search.</param>
    /// <returns>The refused rows, with what the server said.</returns>
    public static async Task<Probe> FindAsync(FlushSession session, Flush flush, FlushRows rows, RowWriter writer, CancellationToken cancellationToken)
    {
        var (connection, transaction) = (session.Connection, session.Transaction);
        await using (var immediate = new NpgsqlCommand("SET CONSTRAINTS ALL IMMEDIATE", connection))
        {
            await immediate.ExecuteNonQueryAsync(cancellationToken);
        }

        var (witness, said) = await AskWitnessAsync(session, writer.Table, cancellationToken);
        if (witness == Witness.Refused)
        {
            return new Probe(rows.New, []) { Said = said, BlamesNoRow = true };
        }

        var (refused, passed, unsure) = (new List<RefusedRow>(), false, false);
        var ranges = new Stack<Range>();
        for (var start = 0; start < rows.Count; start += flush.History.StatementRows)
        {
            ranges.Push(start..Math.Min(rows.Count, start + flush.History.StatementRows));
        }

        while (ranges.TryPop(out var range))
        {
            var (start, length) = range.GetOffsetAndLength(rows.Count);
            await transaction.SaveAsync("probe", cancellationToken);
            try
            {
                await using var batch = new NpgsqlBatch(connection) { BatchCommands = { writer.Upsert(rows, range) } };
                passed |= await batch.ExecuteNonQueryAsync(cancellationToken) > 0;
                await transaction.ReleaseAsync("probe", cancellationToken);
            }
            catch (Exception exception) when (Halves(exception, length) && connection.State == ConnectionState.Open)
            {
                await transaction.RollbackAsync("probe", cancellationToken);
                var middle = start + (length / 2);
                ranges.Push(middle..(start + length));
                ranges.Push(start..middle);
            }
            catch (PostgresException exception) when (IsOfRows(exception))
            {
                await transaction.RollbackAsync("probe", cancellationToken);
                if (rows.IsNew(start))
                {
                    unsure |= PostgresFailure.Of(exception).MayBeOneRow;
                    refused.Add(new RefusedRow(rows.Batches[rows.BatchIndexOf(start)], rows.RowIndexOf(start), exception.SqlState, exception.ColumnName, exception.MessageText));
                    if (witness == Witness.None && !passed && unsure && refused.Count >= RowsWithoutWitness)
                    {
                        break;
                    }
                }
            }
        }

        return new Probe(rows.New, refused) { BlamesNoRow = witness == Witness.None && !passed && unsure };
    }

    // The newest stored row once more: where even that is not taken any more, no reading is to blame.
    private static async Task<(Witness Witness, PostgresException? Said)> AskWitnessAsync(FlushSession session, TargetTable table, CancellationToken cancellationToken)
    {
        await session.Transaction.SaveAsync("witness", cancellationToken);
        try
        {
            await using var command = new NpgsqlCommand(table.WitnessSql, session.Connection);
            var stored = await command.ExecuteNonQueryAsync(cancellationToken);
            await session.Transaction.RollbackAsync("witness", cancellationToken);
            return (stored > 0 ? Witness.Passed : Witness.None, null);
        }
        catch (PostgresException exception) when (IsOfRows(exception) && session.Connection.State == ConnectionState.Open)
        {
            await session.Transaction.RollbackAsync("witness", cancellationToken);
            return (PostgresFailure.Of(exception).MayBeOneRow ? Witness.Refused : Witness.None, exception);
        }
    }

    private static bool IsOfRows(PostgresException exception) => PostgresFailure.Of(exception) is { Kind: FailureKind.Poison or FailureKind.Conflict } or { MayBeOneRow: true };

    private static bool Halves(Exception exception, int rows) => PostgresFailure.Of(exception).Kind switch
    {
        FailureKind.TooSlow => rows > FlushHistory.FewestStatementRows,
        _ => rows > 1 && exception is PostgresException refused && IsOfRows(refused),
    };
}

/// <summary>What trying the rows of a flush one by one has shown.</summary>
/// <param name="Tried">How many rows were tried.</param>
/// <param name="Refused">Those that the server refuses.</param>
internal sealed record Probe(int Tried, IReadOnlyList<RefusedRow> Refused)
{
    /// <summary>What the server said to a row that it had taken before, if it refused that.</summary>
    public PostgresException? Said { get; init; }

    /// <summary>Whether nothing shows that rows are to blame: they were refused with what may be said of any row, and no row is known that is taken.</summary>
    public bool BlamesNoRow { get; init; }
}

/// <summary>A row that the server refuses.</summary>
/// <param name="Batch">Its batch.</param>
/// <param name="Row">Its row there.</param>
/// <param name="SqlState">The server's code.</param>
/// <param name="Column">The column the server named, if any.</param>
/// <param name="Message">What the server said.</param>
internal readonly record struct RefusedRow(DecodedBatch Batch, int Row, string SqlState, string? Column, string Message);
