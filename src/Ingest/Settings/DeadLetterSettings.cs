using System.ComponentModel.DataAnnotations;

namespace Ingest.Settings;

/// <summary>How many rejected readings are kept: section <c>DeadLetters</c>. The others are counted.</summary>
public sealed class DeadLetterSettings
{
    public const string Section = "DeadLetters";

    /// <summary>Days a dead letter is kept. Default: 30; 0 keeps them for ever.</summary>
    [Range(0, 3_650)]
    public int RetentionDays { get; set; } = 30;

    /// <summary>
    /// Most dead letters kept of one device and UTC day of arrival; past it they are counted, and one in a hundred is kept. Default:
    /// 10,000.
    /// </summary>
    [Range(1, 10_000_000)]
    public int QuotaPerDeviceAndDay { get; set; } = 10_000;

    /// <summary>
    /// Most megabytes (of 1,000,000 bytes) of dead letters kept of one device and UTC day of arrival; past it none is kept. Default: 100.
    /// </summary>
    [Range(1, 1_000_000)]
    public int QuotaMegabytesPerDeviceAndDay { get; set; } = 100;

    /// <summary>Most dead letters kept of all devices together and UTC day of arrival; past it none is kept. Default: 1,000,000.</summary>
    [Range(1, 1_000_000_000)]
    public int QuotaPerDay { get; set; } = 1_000_000;

    /// <summary>
    /// Most megabytes (of 1,000,000 bytes) of dead letters kept of all devices together and UTC day of arrival; past it none is kept.
    /// Default: 1,000.
    /// </summary>
    [Range(1, 1_000_000)]
    public int QuotaMegabytesPerDay { get; set; } = 1_000;
}
