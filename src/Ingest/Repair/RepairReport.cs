namespace Ingest.Repair;

/// <summary>What became of dead letters that were tried again. Each is counted once; all but the last two counts are letters.</summary>
public sealed class RepairReport
{
    /// <summary>Resolved: of its readings one at the least is a new row.</summary>
    public long Stored { get; internal set; }

    /// <summary>Resolved: its rows were there.</summary>
    public long Duplicate { get; internal set; }

    /// <summary>Open: rejected again, by reason.</summary>
    public IReadOnlyDictionary<string, long> Rejected => RejectedByReason;

    /// <summary>Open: older than the table keeps, or with today's settings no element of its body.</summary>
    public long NoReading { get; internal set; }

    /// <summary>Open, and not tried, by why.</summary>
    public IReadOnlyDictionary<string, long> NotTried => NotTriedBecause;

    /// <summary>Not open any more when its turn came: resolved by somebody else, or past its retention.</summary>
    public long NotOpen { get; internal set; }

    /// <summary>Rows that were stored. A body that had been dead-lettered whole can have many.</summary>
    public long Rows { get; internal set; }

    /// <summary>Rejected readings of such bodies: dead letters of their own now.</summary>
    public long NewLetters { get; internal set; }

    /// <summary>Letters whose turn has come.</summary>
    public long Seen => Stored + Duplicate + Rejected.Values.Sum() + NoReading + NotTried.Values.Sum() + NotOpen;

    internal Dictionary<string, long> RejectedByReason { get; } = new(StringComparer.Ordinal);

    internal Dictionary<string, long> NotTriedBecause { get; } = new(StringComparer.Ordinal);

    internal void Add(Events.TriedLetter letter)
    {
        switch (letter.Outcome)
        {
            case Events.RetrialOutcome.Stored:
                Stored++;
                break;
            case Events.RetrialOutcome.Duplicate:
                Duplicate++;
                break;
            case Events.RetrialOutcome.Rejected:
                RejectedByReason[letter.Reason] = RejectedByReason.GetValueOrDefault(letter.Reason) + 1;
                break;
            case Events.RetrialOutcome.NoReading:
                NoReading++;
                break;
            default:
                NotOpen++;
                break;
        }
    }

    internal void AddNotTried(string why) => NotTriedBecause[why] = NotTriedBecause.GetValueOrDefault(why) + 1;
}
