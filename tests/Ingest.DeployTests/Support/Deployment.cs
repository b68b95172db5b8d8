namespace Ingest.DeployTests.Support;

/// <summary>A run of deploy.sh, and what Azure says to it.</summary>
internal static class Deployment
{
    internal const string Installation =
        "ingest|westeurope|the-app|the-app.example|the-app.scm.example|the-hub|the-cosmos|https://the-cosmos.example:443/|"
        + "the-pg|the-principal|/net/subnets/callers|/net/subnets/jobs|thejobs|the-network|the-hub.example|true|the-vault|"
        + "https://state.example/|https://content.example/|198.51.100.9|";

    /// <summary>What the build makes.</summary>
    internal const string Package = "the app";

    internal static readonly string[] Providers =
    [
        "Microsoft.ContainerInstance", "Microsoft.DBforPostgreSQL", "Microsoft.Devices", "Microsoft.DocumentDB", "microsoft.insights",
        "Microsoft.KeyVault",
        "Microsoft.ManagedIdentity", "Microsoft.Network", "Microsoft.OperationalInsights", "Microsoft.Storage", "Microsoft.Web",
    ];

    internal static ScriptRun Machine() => new("az", "curl", "dotnet", "zip", "sleep");

    /// <summary>What Azure would say to a first deployment, where the test said nothing else before.</summary>
    internal static ScriptRun FirstTime(ScriptRun run) =>
        run.Answer("az account show*", "sub-1|Trial")
            .Answer("az group exists*", "false")
            .Answer("zip *", Package, to: "-qX")
            .Answer("az storage account network-rule list*", "203.0.113.50")
            .Answer("az provider list*", string.Join('\n', Providers.Where(provider => provider != "Microsoft.Web")))
            .Answer("az deployment group show*", Installation + "itsme")
            .Answer("az postgres flexible-server parameter show*", "true")
            .Answer("az cosmosdb network-rule list*", "/net/subnets/jobs")
            .Answer("az cosmosdb sql role assignment list*", "role-1")
            .Answer("az resource show*", "/servers/the-pg")
            .Answer("az rest*/administrators?*", "/servers/the-pg/administrators/the-principal")
            .Answer("az rest*/roleAssignments?*", "/roles/1\n/roles/2")
            .Answer("az rest*/permissions?*", "*|")
            .Answer("curl * --dump-header *", "HTTP/2 403\r\ncontent-length: 0\r\nx-ms-forbidden-ip: 203.0.113.50\r\n")
            .Answer("curl * --write-out *", "403", times: 1)
            .Answer("curl * --write-out *", "401")
            .Answer("az functionapp config access-restriction show*", "package-upload");

    /// <summary>What Azure would say to a run upon an installation, where the test said nothing else before.</summary>
    internal static ScriptRun Again(ScriptRun run, string size = "small") =>
        FirstTime(run
            .Answer("az group exists*", "true")
            .Answer("az provider list*", string.Join('\n', Providers))
            .Answer("az resource list*", string.Join('\n',
                $"Microsoft.Network/virtualNetworks|the-network|westeurope|{size}||",
                $"Microsoft.KeyVault/vaults|the-vault|westeurope|{size}|primary|primary",
                $"Microsoft.Storage/storageAccounts|thestate|westeurope|{size}||",
                $"Microsoft.Storage/storageAccounts|thecontent|westeurope|{size}||",
                $"Microsoft.DBforPostgreSQL/flexibleServers|the-pg|westeurope|{size}||"))
            .Answer("az postgres flexible-server parameter show*isConfigPendingRestart*", "False\n")
            .Answer("az postgres flexible-server parameter show*azure.extensions*", "timescaledb\n")
            .Answer("az postgres flexible-server parameter show*shared_preload_libraries*", "pg_cron,pg_stat_statements,timescaledb\n")
            .Answer("az postgres flexible-server show*", "64\n")
            .Answer("az storage share-rm list*", "50\n")
            .Answer("az network vnet subnet list*", "callers|\nfunctions|\ndatabase|\njobs|\n"));

    internal static Task<ScriptResult> DeployAsync(ScriptRun run, params string[] more) =>
        run.RunAsync("deploy.sh", ["--resource-group", "my group", "--location", "westeurope", .. more]);
}
