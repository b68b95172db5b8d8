namespace Ingest.Sources.EventHubs;

/// <summary>An event hub as an address and what opens it.</summary>
/// <param name="Connection">Where it is and the key.</param>
/// <param name="Name">The event hub's name.</param>
internal sealed record HubEndpoint(HubConnectionString Connection, string Name)
{
    /// <summary>The hub's identity in events and checkpoints. Without the port: it is no part of a hub's identity.</summary>
    public string Identity => $"{Connection.Host}/{Name}";

    /// <summary>What tokens are signed for, and what <c>$cbs</c> is told they open.</summary>
    public string Audience => $"sb://{Connection.Host}/{Name}";

    /// <exception cref="FormatException">The connection string cannot be read, or nothing names the event hub.</exception>
    public static HubEndpoint From(HubSettings settings)
    {
        var connection = HubConnectionString.Parse(settings.ConnectionString);
        var name = string.IsNullOrWhiteSpace(settings.Name) ? connection.EntityPath : settings.Name;
        return name is null
            ? throw new FormatException("Nothing names the event hub: add EntityPath=… to the hub's connection string, or set Hub:Name.")
            : new HubEndpoint(connection, name);
    }
}
