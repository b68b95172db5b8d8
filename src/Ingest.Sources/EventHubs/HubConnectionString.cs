using System.Globalization;

namespace Ingest.Sources.EventHubs;

/// <summary>An Event Hubs-compatible connection string, taken apart. Its text form never shows the key.</summary>
public sealed class HubConnectionString
{
    private const int TlsPort = 5671;
    private const int PlainPort = 5672;

    private HubConnectionString(string host, int port, bool useTls, string? entityPath, string? keyName, string? key, string? signature)
    {
        Host = host;
        Port = port;
        UseTls = useTls;
        EntityPath = entityPath;
        KeyName = keyName;
        Key = key;
        Signature = signature;
    }

    /// <summary>The namespace's host name, in lower case.</summary>
    public string Host { get; }

    /// <summary>The port. Default: 5671, and 5672 with <c>UseDevelopmentEmulator=true</c>.</summary>
    public int Port { get; }

    /// <summary>Whether the connection is encrypted: always, but for <c>UseDevelopmentEmulator=true</c>.</summary>
    public bool UseTls { get; }

    /// <summary>The event hub's name, where the string carries one.</summary>
    public string? EntityPath { get; }

    /// <summary>The name of the shared access key, or null with a ready signature.</summary>
    public string? KeyName { get; }

    internal string? Key { get; }

    internal string? Signature { get; }

    /// <summary>Takes a connection string apart.</summary>
    /// <exception cref="FormatException">Something is missing or cannot be read; the message says what and where to find it.</exception>
    public static HubConnectionString Parse(string connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new FormatException("The hub's connection string is empty. Copy the Event Hub-compatible endpoint from the IoT hub's page 'Built-in endpoints'.");
        }

        var parts = Split(connectionString);
        var emulator = parts.TryGetValue("UseDevelopmentEmulator", out var emulated) && string.Equals(emulated, "true", StringComparison.OrdinalIgnoreCase);
        var endpoint = Endpoint(parts);
        var keyName = parts.GetValueOrDefault("SharedAccessKeyName");
        var key = parts.GetValueOrDefault("SharedAccessKey");
        var signature = parts.GetValueOrDefault("SharedAccessSignature");
        if (signature is null && (keyName is null || key is null))
        {
            var missing = (keyName, key) switch
            {
                (null, null) => "SharedAccessKeyName and SharedAccessKey (or SharedAccessSignature)",
                (null, _) => "SharedAccessKeyName",
                _ => "SharedAccessKey",
            };
            throw new FormatException($"The hub's connection string has no {missing}. Copy the whole string, with a policy that has the right 'Listen' (for an IoT hub: 'service connect').");
        }

        var port = endpoint.IsDefaultPort || endpoint.Port < 0 ? (emulator ? PlainPort : TlsPort) : endpoint.Port;
        return new HubConnectionString(endpoint.Host.ToLowerInvariant(), port, useTls: !emulator, parts.GetValueOrDefault("EntityPath"), keyName, key, signature);
    }

    /// <summary>The endpoint, the hub and the key's name; never the key.</summary>
    public override string ToString()
    {
        var who = KeyName is null ? "shared access signature" : $"key {KeyName}";
        return string.Create(CultureInfo.InvariantCulture, $"sb://{Host}:{Port}/{EntityPath} ({who})");
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
                throw new FormatException("The hub's connection string has a part that is not 'Name=Value'. It must look like Endpoint=sb://…;SharedAccessKeyName=…;SharedAccessKey=…;EntityPath=…");
            }

            var value = part[(equals + 1)..].Trim();
            if (value.Length > 0)
            {
                parts[part[..equals].Trim()] = value;
            }
        }

        if (parts.ContainsKey("HostName"))
        {
            throw new FormatException("This is the IoT hub's own connection string (HostName=…), which cannot be read from. Copy the Event Hub-compatible endpoint from the page 'Built-in endpoints' instead.");
        }

        return parts;
    }

    private static Uri Endpoint(Dictionary<string, string> parts)
    {
        if (!parts.TryGetValue("Endpoint", out var text))
        {
            throw new FormatException("The hub's connection string has no Endpoint. It must look like Endpoint=sb://<namespace>.servicebus.windows.net/;…");
        }

        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            throw new FormatException($"The Endpoint '{text}' in the hub's connection string is no address. It must look like sb://<namespace>.servicebus.windows.net/");
        }

        return uri;
    }
}
