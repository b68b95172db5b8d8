namespace Ingest.Settings;

/// <summary>What stands around a device's body.</summary>
public enum Envelope
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Event Grid's schema: one event or an array of them, the body in <c>data</c>.</summary>
    EventGrid,

    /// <summary>CloudEvents 1.0: one event or an array of them, the body in <c>data</c> or <c>data_base64</c>.</summary>
    CloudEvents,

    /// <summary>What IoT Hub's routing writes around a body: <c>Body</c> beside <c>SystemProperties</c> and <c>Properties</c>.</summary>
    IoTHubRouting,
}
