using System.Globalization;

namespace Ingest.Sources.EventHubs;

/// <summary>An Event Hubs-compatible connection string, taken apart. Its text form never shows the key.</summary>
public sealed class HubConnectionString
{
    private const int TlsPort = 5671;
    private const int PlainPort = 5672;
    private const string Looks =
        "It must look like Endpoint=sb://<namespace>.servicebus.windows.net/;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…";

    private readonly string _credential;

    private HubConnectionString(
        Uri endpoint,
        bool isEmulator,
        string credential,
        string? keyName,
        string? entityPath,
        HubTransport? transport)
    {
        Host = endpoint.Host.ToLowerInvariant();
        Port = endpoint.IsDefaultPort || endpoint.Port < 0 ? null : endpoint.Port;
        UseTls = !isEmulator;
        EntityPath = entityPath;
        KeyName = keyName;
        Transport = transport;
        _credential = credential;
    }

    /// <summary>The namespace's host name, in lower case.</summary>
    public string Host { get; }

    /// <summary>The port that the string names; null for the default: 5671, and 5672 with <c>UseDevelopmentEmulator=true</c>.</summary>
    public int? Port { get; }

    /// <summary>Whether the connection is encrypted: always, but for <c>UseDevelopmentEmulator=true</c>.</summary>
    public bool UseTls { get; }

    /// <summary>The event hub's name, where the string carries one.</summary>
    public string? EntityPath { get; }

    /// <summary>The name of the shared access key, or null with a ready signature.</summary>
    public string? KeyName { get; }

    /// <summary>What <c>TransportType</c> says, or null.</summary>
    public HubTransport? Transport { get; }

    /// <summary>
    /// Takes a connection string apart. Quotes around the whole, spaces, line ends and a trailing slash of the endpoint do not matter.
    /// </summary>
    /// <exception cref="FormatException">Something is missing or cannot be read; the message says what and where to find it.</exception>
    public static HubConnectionString Parse(string connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new FormatException(
                "The hub's connection string is empty. Copy the Event Hub-compatible endpoint from the IoT hub's page 'Built-in "
                    + "endpoints'.");
        }

        var parts = Split(connectionString.Trim().Trim('"', '\'').Trim());
        var keyName = parts.GetValueOrDefault("SharedAccessKeyName");
        var key = parts.GetValueOrDefault("SharedAccessKey");
        var signature = parts.GetValueOrDefault("SharedAccessSignature");
        var endpoint = Endpoint(parts);
        if (signature is null && (keyName is null || key is null))
        {
            var missing = (keyName, key) switch
            {
                (null, null) => "SharedAccessKeyName and SharedAccessKey (or SharedAccessSignature)",
                (null, _) => "SharedAccessKeyName",
                _ => "SharedAccessKey",
            };
            throw new FormatException(
                $"The hub's connection string has no {missing}. Copy the whole string, with a policy that has the right 'Listen' (for "
                    + "an IoT hub: 'service connect').");
        }

        if (signature is not null && !signature.Contains("se=", StringComparison.Ordinal))
        {
            throw new FormatException(
                "The SharedAccessSignature in the hub's connection string has no expiry (se=…): it was not copied whole.");
        }

        return new HubConnectionString(
            endpoint,
            parts.TryGetValue("UseDevelopmentEmulator", out var emulated) && emulated.Equals("true", StringComparison.OrdinalIgnoreCase),
            signature is null ? $"SharedAccessKeyName={keyName};SharedAccessKey={key}" : $"SharedAccessSignature={signature}",
            signature is null ? keyName : null,
            parts.GetValueOrDefault("EntityPath"),
            TransportOf(parts.GetValueOrDefault("TransportType")));
    }

    /// <summary>Where it is and the name of the key; never the key.</summary>
    public override string ToString()
    {
        var who = KeyName is null ? "shared access signature" : $"key {KeyName}";
        return string.Create(CultureInfo.InvariantCulture, $"sb://{Host}:{Port ?? (UseTls ? TlsPort : PlainPort)}/{EntityPath} ({who})");
    }

    /// <summary>The string as the client library reads it, the key and all.</summary>
    internal string ForClient()
    {
        var address = Port is { } port ? string.Create(CultureInfo.InvariantCulture, $"sb://{Host}:{port}/") : $"sb://{Host}/";
        return $"Endpoint={address};{_credential}{(UseTls ? "" : ";UseDevelopmentEmulator=true")}";
    }

    private static Dictionary<string, string> Split(string connectionString)
    {
        var parts = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var part in connectionString.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            // The first '=' only: keys and signatures end in '=' of their own.
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                throw new FormatException($"The hub's connection string has a part that is not 'Name=Value'. {Looks}");
            }

            var value = part[(equals + 1)..].Trim();
            if (value.Length > 0)
            {
                parts[part[..equals].Trim()] = value;
            }
        }

        if (parts.ContainsKey("HostName"))
        {
            throw new FormatException(
                "This is the IoT hub's own connection string (HostName=…), which cannot be read from. Copy the Event Hub-compatible "
                    + "endpoint from the page 'Built-in endpoints' instead.");
        }

        return parts;
    }

    private static Uri Endpoint(Dictionary<string, string> parts)
    {
        if (!parts.TryGetValue("Endpoint", out var text))
        {
            throw new FormatException($"The hub's connection string has no Endpoint. {Looks}");
        }

        // The text is not repeated: where the parts are muddled it can hold the key.
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            throw new FormatException(
                "The Endpoint in the hub's connection string is no address. It must look like sb://<namespace>.servicebus.windows.net/");
        }

        return uri;
    }

    private static HubTransport? TransportOf(string? name) => name?.ToUpperInvariant() switch
    {
        null => null,
        "AMQP" or "AMQPTCP" => HubTransport.Amqp,
        "AMQPWEBSOCKETS" => HubTransport.AmqpWebSockets,
        _ => throw new FormatException("The TransportType in the hub's connection string is neither Amqp nor AmqpWebSockets."),
    };
}
