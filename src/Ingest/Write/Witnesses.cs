using Ingest.Failures;
using Ingest.Schema;
using Npgsql;

namespace Ingest.Write;

/// <summary>How the table reacts to rows other than those just refused.</summary>
internal enum TableAnswer
{
    /// <summary>It accepts one: so the refused rows are refused because of their values.</summary>
    Takes,

    /// <summary>Nothing that tells: it refuses another device's row for its values, by a constraint that is newer than the row.</summary>
    Unclear,

    /// <summary>It refuses a row that it accepted before.</summary>
    RefusesStored,

    /// <summary>It has no rows yet and refuses even one with only time and device.</summary>
    RefusesBare,
}

/// <summary>
/// Asks the table for witnesses, in a transaction that is rolled back: the newest stored row of another device, as if it came now; where
/// there is none, one of the refused devices' own; and a row that holds nothing but time and device.
/// </summary>
internal static class Witnesses
{
    // A bare row's device, which is text and a uuid. No row of this name is ever committed.
    private const string Nobody = "696e6765-7374-4d77-8974-6e6573730000";

    /// <param name="session">The transaction to try them in.</param>
    /// <param name="table">The table.</param>
    /// <param name="refused">Rows that were refused.</param>
    /// <param name="cancellationToken">Abandons it.</param>
    /// <returns>What the table says, and in what words it refused.</returns>
    public static async Task<(TableAnswer Answer, PostgresException? Said)> AskAsync(
        FlushSession session, TargetTable table, IReadOnlyList<RefusedRow> refused, CancellationToken cancellationToken)
    {
        // The hub's stamp, which no device chooses: it cannot bring a witness down by naming a time that has no partition.
        var now = refused[0].Enqueued.AddMicroseconds(999);
        var devices = refused.Select(row => row.Device).Distinct(StringComparer.Ordinal).ToArray();
        switch (await TryAsync(Stored(ofThem: false)))
        {
            case { Taken: true }:
                return (TableAnswer.Takes, null);
            case { Said: { } said }:
                return (PostgresFailure.Of(said).MayBeOneRow ? TableAnswer.RefusesStored : TableAnswer.Unclear, said);
        }

        var own = await TryAsync(Stored(ofThem: true));
        if (own.Taken || (own.Said is { } values && !PostgresFailure.Of(values).MayBeOneRow))
        {
            return (own.Taken ? TableAnswer.Takes : TableAnswer.RefusesStored, own.Said);
        }

        var bare = await TryAsync(new NpgsqlCommand(table.BareSql) { Parameters = { new() { Value = now }, new() { Value = Nobody } } });
        return bare.Taken ? (TableAnswer.Takes, null)
            : own.Said is { } stored ? (TableAnswer.RefusesStored, stored)
            : (TableAnswer.RefusesBare, bare.Said);

        NpgsqlCommand Stored(bool ofThem) =>
            new(table.WitnessSql) { Parameters = { new() { Value = now }, new() { Value = devices }, new() { Value = ofThem } } };

        async Task<(bool Taken, PostgresException? Said)> TryAsync(NpgsqlCommand command)
        {
            await session.Transaction.SaveAsync("witness", cancellationToken);
            try
            {
                await using (command)
                {
                    command.Connection = session.Connection;
                    return (await command.ExecuteNonQueryAsync(cancellationToken) > 0, null);
                }
            }
            catch (PostgresException exception) when (PostgresFailure.Of(exception).IsOfRows)
            {
                // A unique index of the operator's says nothing about the table.
                return (false, PostgresFailure.Of(exception).Kind == FailureKind.Conflict ? null : exception);
            }
            finally
            {
                if (session.Connection.State == System.Data.ConnectionState.Open)
                {
                    await session.Transaction.RollbackAsync("witness", cancellationToken);
                }
            }
        }
    }
}
