using Ingest.Columns.Types;

namespace Ingest.Decode;

/// <summary>What is wrong with a reading, or with the message that holds it.</summary>
/// <param name="Reason">Why it is rejected.</param>
/// <param name="Detail">The sentence about it; empty where the rejection would only be counted.</param>
internal readonly record struct ReadingFault(RejectReason Reason, string Detail)
{
    public static RejectReason ReasonOf(ValueFault fault) => fault switch
    {
        ValueFault.NotJson => RejectReason.NotJson,
        ValueFault.WrongType or ValueFault.DecimalComma => RejectReason.WrongType,
        ValueFault.OutOfRange or ValueFault.TooLongWhenWritten => RejectReason.OutOfRange,
        ValueFault.Nul => RejectReason.NulInText,
        ValueFault.LoneSurrogate => RejectReason.InvalidText,
        _ => throw new ArgumentOutOfRangeException(nameof(fault), fault, "A value fault without a reason"),
    };
}
