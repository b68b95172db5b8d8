namespace Ingest.Failures;

/// <summary>A batch was not stored, as it contradicts what is stored: the mapping or the stored rows have changed since.</summary>
public sealed class StoredValuesMismatchException : Exception
{
    internal StoredValuesMismatchException(int known, int differing, string table)
        : base($"{differing} of {known} readings that are already in {table} by time and device have other values now, so the mapping or the stored rows "
            + "have changed since, and storing them would double the table. Put Telemetry:Columns back, or go on knowingly with Commit:AcceptDifferences.")
    {
        Known = known;
        Differing = differing;
    }

    /// <summary>Readings of the flush whose time and device were already stored.</summary>
    public int Known { get; }

    /// <summary>Of them, those that equal no stored row.</summary>
    public int Differing { get; }
}
