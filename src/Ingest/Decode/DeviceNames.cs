using System.Buffers;
using Ingest.Columns.Types;

namespace Ingest.Decode;

/// <summary>What a device may be called.</summary>
internal static class DeviceNames
{
    /// <summary>The body's field that names a device.</summary>
    public const string Field = "device";

    /// <summary>IoT Hub's own limit, in UTF-16 units.</summary>
    public const int Longest = 128;

    private static readonly SearchValues<char> Suspects = SearchValues.Create(
        ['\0', .. Enumerable.Range('\ud800', 0x800).Select(unit => (char)unit)]);

    /// <summary>Why <paramref name="name"/> cannot be stored as a device, or null where it can.</summary>
    public static RejectReason? Check(ReadOnlySpan<char> name)
    {
        if (name.IsEmpty)
        {
            return RejectReason.DeviceMissing;
        }

        if (name.Length > Longest)
        {
            return RejectReason.DeviceTooLong;
        }

        return name.ContainsAny(Suspects) && !TextType.Holds(name) ? RejectReason.DeviceInvalid : null;
    }
}
