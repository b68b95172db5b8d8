namespace Ingest.Decode;

/// <summary>A reading that will be dead-lettered.</summary>
/// <param name="EventIndex">The index of its message in the batch.</param>
/// <param name="ElementIndex">Its index in the body's array, or -1 where the message is rejected whole or its body is one object.</param>
/// <param name="Reason">Why.</param>
/// <param name="Detail">One sentence: what was wrong, naming the field and, shortened, the value.</param>
public readonly record struct Rejection(int EventIndex, int ElementIndex, RejectReason Reason, string Detail);

/// <summary>Readings of one message past those that can be kept of it: dead-lettered by their number alone.</summary>
/// <param name="EventIndex">The index of their message in the batch.</param>
/// <param name="Reason">Why.</param>
/// <param name="Count">How many.</param>
public readonly record struct RejectionCount(int EventIndex, RejectReason Reason, int Count);
