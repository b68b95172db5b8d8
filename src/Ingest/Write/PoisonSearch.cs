using System.Data;
using Ingest.Decode;
using Ingest.Events;
using Ingest.Failures;
using Npgsql;

namespace Ingest.Write;

/// <summary>Finds the rows that the server refuses, by halving under savepoints in a transaction that is rolled back.</summary>
internal static class PoisonSearch
{
    // After so many refused rows and no accepted one, it checks whether the table accepts any row.
    private const int RowsBeforeWitnesses = SystematicRefusalDetector.Mistake;

    /// <param name="session">The transaction to try them in.</param>
    /// <param name="flush">The flush.</param>
    /// <param name="rows">Its rows, compared with what is stored.</param>
    /// <param name="writer">Writes them.</param>
    /// <param name="cancellationToken">Abandons the search.</param>
    /// <returns>The refused rows, with what the server said.</returns>
    public static async Task<Probe> FindAsync(
        FlushSession session,
        Flush flush,
        FlushRows rows,
        RowWriter writer,
        CancellationToken cancellationToken)
    {
        var (connection, transaction) = (session.Connection, session.Transaction);
        await using (var immediate = new NpgsqlCommand("SET CONSTRAINTS ALL IMMEDIATE", connection))
        {
            await immediate.ExecuteNonQueryAsync(cancellationToken);
        }

        var probe = new Probe(rows.New, []);
        var (passed, asked) = (false, false);
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
            catch (PostgresException exception) when (PostgresFailure.Of(exception).IsOfRows)
            {
                await transaction.RollbackAsync("probe", cancellationToken);
                if (rows.IsNew(start))
                {
                    probe.Refused.Add(
                        RefusedRow.Of(rows.Batches[rows.BatchIndexOf(start)], rows.RowIndexOf(start), rows.Stamp(start), exception));
                    if (!passed && !asked && probe.Refused.Count >= RowsBeforeWitnesses)
                    {
                        asked = true;
                        probe = await AskAsync(probe);
                        if (probe.BlamesNoRow)
                        {
                            return probe;
                        }
                    }
                }
            }
        }

        return passed || probe.Refused.Count == 0 ? probe with { Answer = TableAnswer.Takes } : await AskAsync(probe);

        async Task<Probe> AskAsync(Probe found)
        {
            var (answer, said) = await Witnesses.AskAsync(session, writer.Table, found.Refused, cancellationToken);
            return found with { Answer = answer, Said = said };
        }
    }

    private static bool Halves(Exception exception, int rows) => PostgresFailure.Of(exception).Kind switch
    {
        FailureKind.TooSlow => rows > FlushHistory.FewestStatementRows,
        _ => rows > 1 && exception is PostgresException && PostgresFailure.Of(exception).IsOfRows,
    };
}

/// <summary>The result of trying the rows of a flush one by one.</summary>
/// <param name="Tried">How many rows were tried.</param>
/// <param name="Refused">Those that the server refuses.</param>
internal sealed record Probe(int Tried, List<RefusedRow> Refused)
{
    /// <summary>What the table says to other rows; asked where none of the flush was taken.</summary>
    public TableAnswer Answer { get; init; }

    /// <summary>In what words it refused those.</summary>
    public PostgresException? Said { get; init; }

    /// <summary>Whether it refuses what it took before with what may be said of any row.</summary>
    public bool BlamesNoRow => Answer == TableAnswer.RefusesStored && Said is { } said && PostgresFailure.Of(said).MayBeOneRow;
}

/// <summary>A row that the server refuses.</summary>
/// <param name="Batch">Its batch.</param>
/// <param name="Row">Its row there.</param>
/// <param name="Device">Whose it is; what a gateway sends is that of the devices it speaks for.</param>
/// <param name="Enqueued">When the hub took its message.</param>
/// <param name="Failure">What the server said, sorted.</param>
/// <param name="Column">The column the server named, if any.</param>
/// <param name="Message">What the server said.</param>
internal readonly record struct RefusedRow(
    DecodedBatch Batch,
    int Row,
    string Device,
    DateTime Enqueued,
    PostgresFailure Failure,
    string? Column,
    string Message)
{
    /// <summary>The server's code.</summary>
    public string SqlState => Failure.SqlState!;

    /// <param name="batch">Its batch.</param>
    /// <param name="row">Its row there.</param>
    /// <param name="stamp">Its time, for a message that the hub has not stamped.</param>
    /// <param name="exception">What the server said.</param>
    public static RefusedRow Of(DecodedBatch batch, int row, Instant stamp, PostgresException exception)
    {
        var message = batch.Events[batch.Readings.EventIndexes[row]];
        return new RefusedRow(
            batch,
            row,
            batch.Readings.Devices[row],
            message.RowTime ?? message.EnqueuedTime ?? stamp.ToDateTime(),
            PostgresFailure.Of(exception),
            exception.ColumnName,
            exception.MessageText);
    }
}
