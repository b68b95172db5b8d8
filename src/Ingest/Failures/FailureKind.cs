namespace Ingest.Failures;

/// <summary>What to do about a failure of the database.</summary>
public enum FailureKind
{
    /// <summary>A unique index met a row that another writer stored first, or that was there before: compare with what is stored.</summary>
    Conflict,

    /// <summary>A deadlock or a serialization failure: again at once.</summary>
    RetryAtOnce,

    /// <summary>A statement took too long: halve the flush, then again.</summary>
    TooSlow,

    /// <summary>A value or a row is refused: find which.</summary>
    Poison,

    /// <summary>The database is away or exhausted: wait and try again.</summary>
    Outage,

    /// <summary>The database answers, and somebody has to put something right: wait and try again, saying what.</summary>
    OperatorMistake,

    /// <summary>No answer of a database at all: a defect of this program or of its caller.</summary>
    Defect,
}
