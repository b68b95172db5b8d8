namespace Ingest.Audit;

/// <summary>Where the audited readings were found. All counts are readings, except <see cref="Unexplained"/>, which is rows.</summary>
/// <param name="Received">Readings of the source.</param>
/// <param name="Found">Readings with a row of their content; of equal readings in different messages one row is enough.</param>
/// <param name="DeadLettered">Readings with a dead letter.</param>
/// <param name="NotKept">Rejected readings whose dead letters the quotas have counted and not kept.</param>
/// <param name="PastRetention">Rejected readings old enough that their dead letters may have been deleted.</param>
/// <param name="Ignored">Not telemetry, or older than the table keeps.</param>
/// <param name="NotYetRead">Readings that are nowhere, of messages behind the worker's checkpoint.</param>
/// <param name="Missing">Readings that are nowhere.</param>
/// <param name="Different">Readings whose row has other values.</param>
/// <param name="Unexplained">Rows that no message explains.</param>
public readonly record struct AuditCounts(
    long Received = 0,
    long Found = 0,
    long DeadLettered = 0,
    long NotKept = 0,
    long PastRetention = 0,
    long Ignored = 0,
    long NotYetRead = 0,
    long Missing = 0,
    long Different = 0,
    long Unexplained = 0)
{
    /// <summary>Whether every reading is where it belongs, and every row has its message.</summary>
    public bool IsClean => NotYetRead == 0 && Missing == 0 && Different == 0 && Unexplained == 0;

    /// <summary>Whether every reading was judged, and only once.</summary>
    public bool Balance =>
        Received == Found + DeadLettered + NotKept + PastRetention + Ignored + NotYetRead + Missing + Different;
}
