using Dapper;
using Npgsql;

namespace Ingest.DeadLetters;

/// <summary>Resolves open dead letters without storing them: their rows stay, with why.</summary>
public sealed class DeadLetterDiscard(NpgsqlDataSource dataSource)
{
    private const int MostDeadlocks = 10;

    // Some at a time, and in the order in which those that are tried again are locked.
    private const string Sql =
        $"""
        UPDATE dead_letters
        SET resolution = 'discarded', resolved_at = now(), resolved_by = 'discard as ' || current_user, because = @because
        WHERE key = ANY(ARRAY(
            SELECT key FROM dead_letters
            WHERE {DeadLetterFilter.Condition} AND resolution IS NULL AND received_at <= @last::timestamptz
            ORDER BY key LIMIT 1000 FOR UPDATE))
        """;

    /// <param name="filter">Which.</param>
    /// <param name="because">Why.</param>
    /// <param name="cancellationToken">Stops it: what is discarded by then stays so.</param>
    /// <returns>How many were discarded.</returns>
    public async Task<long> RunAsync(DeadLetterFilter filter, string because, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        var parameters = filter.Parameters();
        parameters.Add(nameof(because), DeadLetterText.Clean(because));
        parameters.Add("last", await new DeadLetterReader(dataSource).LastArrivalAsync(cancellationToken));
        await using var connection = await dataSource.OpenConnectionAsync(cancellationToken);
        long discarded = 0;
        for (var deadlocks = 0; ;)
        {
            try
            {
                var some = await connection.ExecuteAsync(new CommandDefinition(Sql, parameters, cancellationToken: cancellationToken));
                if (some == 0)
                {
                    return discarded;
                }

                discarded += some;
            }
            catch (PostgresException exception) when (
                exception.SqlState == PostgresErrorCodes.DeadlockDetected && deadlocks++ < MostDeadlocks)
            {
                // With whoever counts letters of the same days: it was rolled back, and is tried again.
            }
        }
    }
}
