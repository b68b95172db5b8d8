using Ingest.Events;

namespace Ingest.Sources.EventHubs;

/// <summary>What can be said of a message that cannot be decoded, from the bytes it is.</summary>
internal static class UndecodableMessage
{
    private const ulong Header = 0x70;
    private const ulong DeliveryAnnotations = 0x71;
    private const ulong MessageAnnotations = 0x72;

    /// <summary>
    /// What the annotations in front of a message say that hub and IoT Hub have set. Never throws: what cannot be read stays null, whatever
    /// else is broken in them or behind them.
    /// </summary>
    public static SystemProperties SystemPropertiesOf(ReadOnlyMemory<byte> message)
    {
        var system = new SystemProperties();
        var values = new EncodedValues(message.Span);
        while (values.TryTakeSection(out var code))
        {
            if (code == MessageAnnotations)
            {
                if (values.TryEnterMap(out var entries))
                {
                    Read(entries, ref system);
                }

                break;
            }

            if (code is not (Header or DeliveryAnnotations) || !values.TryTake(out _))
            {
                break;
            }
        }

        return system;
    }

    private static void Read(EncodedValues entries, ref SystemProperties system)
    {
        while (entries.TryTake(out var key) && entries.TryTake(out var value))
        {
            if (EncodedValues.Text(key) is { } name && EventMapping.IsSystemAnnotation(name))
            {
                system.Set(name, EncodedValues.Scalar(value));
            }
        }
    }
}
