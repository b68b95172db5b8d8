using Ingest.Columns;
using Ingest.Failures;
using Npgsql;

namespace Ingest.Write;

/// <summary>
/// Tells poison from an operator's mistake. Rows are to blame wherever the table takes any other: one of the flush, the newest one that another device has
/// stored, or a bare one. It is the operator's mistake where
/// <list type="bullet">
/// <item>a column is NOT NULL that nothing is mapped to, from the first row on;</item>
/// <item>the table refuses what it took before, with what may be said of any row (a broken trigger, a missing privilege);</item>
/// <item>a hundred rows in a row are refused with one code and none is taken in between, of which no device counts for more than fifty: one device alone
/// stops nobody;</item>
/// <item>a hundred rows of the only device that has stored any are refused, and so is what it stored: a fleet of one, whose table has changed;</item>
/// <item>the table holds no row and refuses even a bare one, with what may be said of any row and of several devices.</item>
/// </list>
/// Where it is one device's only rows that such an empty table refuses (or a hundred, for their values), nobody can tell. That counts as a mistake for five
/// minutes, once in the life of the writer until a row is stored: time to put it right for who has a single device, and the most that one device can delay the
/// others.
/// </summary>
internal sealed class SystematicRefusalDetector(TimeProvider clock)
{
    public const int Mistake = 100;

    /// <summary>What one device counts for at the most.</summary>
    public const int MostOfOneDevice = Mistake / 2;

    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private readonly Dictionary<string, int> _byDevice = new(StringComparer.Ordinal);
    private string? _code;
    private long? _doubtSince;

    /// <param name="probe">What trying them has shown.</param>
    /// <param name="mapped">The mapped columns.</param>
    /// <returns>What is wrong and what to do, where it is a mistake; null where the rows are poison.</returns>
    /// <remarks>Counts nothing: the same rows come again with each attempt, and count when one is committed.</remarks>
    public string? Judge(Probe probe, IReadOnlyList<ColumnDefinition> mapped)
    {
        var refused = probe.Refused;
        var unmapped = refused.FirstOrDefault(row =>
            row is { SqlState: PostgresErrorCodes.NotNullViolation, Column: { } column } && column is not ("time" or "device") && mapped.All(known => known.Name != column));
        if (unmapped.Column is not null)
        {
            return $"The table's column {unmapped.Column} is NOT NULL, has no default and is not mapped, so no reading can be stored. Give it a default, drop NOT NULL, or map it in Telemetry:Columns.";
        }

        if (probe.BlamesNoRow)
        {
            return SentenceOf(PostgresFailure.Of(probe.Said!));
        }

        if (refused.Count < probe.Tried)
        {
            return null;
        }

        var first = refused[0];
        var byDevice = Counted(refused);
        var many = refused.All(row => row.SqlState == first.SqlState) && byDevice.Values.Sum() >= Mistake;
        var anyRow = refused.Any(row => row.Failure.MayBeOneRow);
        var mistake = many && byDevice.Values.Sum(count => Math.Min(count, MostOfOneDevice)) >= Mistake;
        mistake |= probe.Answer switch
        {
            TableAnswer.RefusesStored => many,
            TableAnswer.RefusesBare => (anyRow && byDevice.Count > 1) || ((anyRow || many) && IsPatient()),
            _ => false,
        };
        return mistake ? SentenceOf(first.Failure) : null;
    }

    /// <summary>A flush was committed.</summary>
    /// <param name="stored">Rows that were stored.</param>
    /// <param name="refused">The rows that the server refused.</param>
    public void Committed(long stored, IReadOnlyCollection<RefusedRow> refused)
    {
        if (stored > 0)
        {
            _doubtSince = null;
        }

        if (stored > 0 || refused.Select(row => row.SqlState).Distinct(StringComparer.Ordinal).Count() > 1)
        {
            _byDevice.Clear();
        }
        else if (refused.Count > 0)
        {
            var counted = Counted(refused);
            _code = refused.First().SqlState;
            _byDevice.Clear();
            foreach (var (device, count) in counted)
            {
                _byDevice[device] = count;
            }
        }
    }

    private Dictionary<string, int> Counted(IReadOnlyCollection<RefusedRow> refused)
    {
        var counted = refused.First().SqlState == _code ? new Dictionary<string, int>(_byDevice, StringComparer.Ordinal) : new(StringComparer.Ordinal);
        foreach (var row in refused)
        {
            counted[row.Device] = Math.Min(counted.GetValueOrDefault(row.Device), Mistake) + 1;
        }

        return counted;
    }

    private bool IsPatient() => clock.GetElapsedTime(_doubtSince ??= clock.GetTimestamp()) < Patience;

    private static string SentenceOf(PostgresFailure failure) => failure.Kind == FailureKind.OperatorMistake
        ? failure.Sentence
        : $"{failure.Sentence} It refuses every reading: look at the table's constraints and partitions.";
}
