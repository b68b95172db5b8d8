namespace Ingest.Failures;

/// <summary>What to do about a failure of the database.</summary>
public enum FailureKind
{
    /// <summary>A unique index met a row that another writer stored first, or that was there before: compare with what is stored.</summary>
    Conflict,

    /// <summary>A deadlock or a serialization failure: try again at once.</summary>
    RetryAtOnce,

    /// <summary>A statement took too long: halve the flush and try again.</summary>
    TooSlow,

    /// <summary>A value or a row is refused: find out which.</summary>
    Poison,

    /// <summary>The database is unreachable or exhausted: wait and try again.</summary>
    Outage,

    /// <summary>The database answers, but an operator has to correct something: say what, wait and try again.</summary>
    OperatorMistake,

    /// <summary>Not a failure of the database: a bug in this program or in its caller.</summary>
    Defect,
}
