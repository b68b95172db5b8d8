namespace Ingest.Decode;

/// <summary>
/// Why a reading was dead-lettered. The codes (<see cref="RejectReasonCode.Of"/>) are stable: queries and alarms use them.
/// </summary>
public enum RejectReason
{
    Undecodable,
    NotJson,
    NotObject,
    WrongType,
    OutOfRange,
    NulInText,
    InvalidText,
    MissingRequired,
    NothingMapped,
    TooDeep,
    TooLarge,
    TooManyReadings,
    BadEncoding,
    BadEnvelope,
    DeviceMissing,
    DeviceTooLong,
    DeviceInvalid,
    DeviceMismatch,
    TimeMissing,
    TimeOutOfBounds,
    TooManyCollisions,
    RefusedByDatabase,
}

/// <summary>The code of each reason, as the dead letter table and the metrics carry it.</summary>
public static class RejectReasonCode
{
    public static string Of(RejectReason reason) => reason switch
    {
        RejectReason.Undecodable => "undecodable",
        RejectReason.NotJson => "not_json",
        RejectReason.NotObject => "not_object",
        RejectReason.WrongType => "wrong_type",
        RejectReason.OutOfRange => "out_of_range",
        RejectReason.NulInText => "nul_in_text",
        RejectReason.InvalidText => "invalid_text",
        RejectReason.MissingRequired => "missing_required",
        RejectReason.NothingMapped => "nothing_mapped",
        RejectReason.TooDeep => "too_deep",
        RejectReason.TooLarge => "too_large",
        RejectReason.TooManyReadings => "too_many_readings",
        RejectReason.BadEncoding => "bad_encoding",
        RejectReason.BadEnvelope => "bad_envelope",
        RejectReason.DeviceMissing => "device_missing",
        RejectReason.DeviceTooLong => "device_too_long",
        RejectReason.DeviceInvalid => "device_invalid",
        RejectReason.DeviceMismatch => "device_mismatch",
        RejectReason.TimeMissing => "time_missing",
        RejectReason.TimeOutOfBounds => "time_out_of_bounds",
        RejectReason.TooManyCollisions => "too_many_collisions",
        RejectReason.RefusedByDatabase => "refused_by_database",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "A reject reason without a code"),
    };
}
