namespace Ingest.Cli.Simulation;

/// <summary>What happens in real fleets, sent on purpose by <c>--faults</c>.</summary>
internal enum Fault
{
    /// <summary>A body cut off in the middle.</summary>
    Malformed,

    /// <summary>A text where the column is a number.</summary>
    WrongType,

    /// <summary>A number that no double can hold.</summary>
    OversizedNumber,

    /// <summary>A device name with a NUL character.</summary>
    NulCharacter,

    /// <summary>A body that names another device than the one that sent it.</summary>
    AnotherDevice,

    /// <summary>The message before it once more: same stamp, same body, new sequence number.</summary>
    Retransmitted,

    /// <summary>A different reading of the same device in the millisecond of the message before it.</summary>
    SameMillisecond,

    /// <summary>An array of four readings, one of them of the wrong type.</summary>
    Array,

    /// <summary>A device lifecycle event: not telemetry.</summary>
    Lifecycle,
}
