using System.ComponentModel.DataAnnotations;

namespace Ingest.Settings;

/// <summary>How much is kept of what was rejected: section <c>DeadLetters</c>.</summary>
public sealed class DeadLetterSettings
{
    public const string Section = "DeadLetters";

    /// <summary>Days a dead letter is kept. Default: 30; 0 keeps them for ever.</summary>
    [Range(0, 3_650)]
    public int RetentionDays { get; set; } = 30;

    /// <summary>Most dead letters kept of one device and UTC day of arrival; past it they are counted, and one in a hundred is kept. Default: 10,000.</summary>
    [Range(1, 10_000_000)]
    public int QuotaPerDeviceAndDay { get; set; } = 10_000;
}
