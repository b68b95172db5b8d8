using System.Globalization;
using System.Text.RegularExpressions;
using Ingest.DeployTests.Support;
using Ingest.Worker.Hosting;
using k8s.Models;
using Microsoft.Extensions.Configuration;
using Xunit;

namespace Ingest.DeployTests.Manifests;

/// <summary>What the manifests would run, rendered by kubectl through an overlay as the README shows it.</summary>
public sealed class WorkerManifestTests
{
    private const string Overlay = """
        resources: [MANIFESTS/base]
        images:
          - { name: ingest-processor, newName: registry.example.org/ingest-processor, newTag: 1.2.3 }
        """;

    private const string IotHub = Overlay + "\ncomponents: [MANIFESTS/iothub]";

    private const string Migration = """
        resources: [MANIFESTS/migrate]
        images:
          - { name: ingest, newName: registry.example.org/ingest, newTag: 1.2.3 }
        """;

    public static TheoryData<string> Overlays => [Overlay, IotHub, Migration];

    private static string Readme => File.ReadAllText(Path.Combine(DeployFolder.Root, "deploy", "aks", "manifests", "README.md"));

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task No_container_runs_as_root_or_gains_rights_or_writes_to_its_image(string overlay)
    {
        var manifests = await Support.Manifests.RenderAsync(overlay);

        Assert.All(manifests.Pods, pod =>
        {
            Assert.True(pod.SecurityContext.RunAsNonRoot);
            Assert.NotEqual(0, pod.SecurityContext.RunAsUser);
            Assert.Equal("RuntimeDefault", pod.SecurityContext.SeccompProfile.Type);
            Assert.False(pod.AutomountServiceAccountToken);
        });
        Assert.NotEmpty(manifests.Containers);
        Assert.All(manifests.Containers, container =>
        {
            Assert.False(container.SecurityContext.AllowPrivilegeEscalation);
            Assert.True(container.SecurityContext.ReadOnlyRootFilesystem);
            Assert.Equal(["ALL"], container.SecurityContext.Capabilities.Drop);
            Assert.Contains("memory", container.Resources.Limits.Keys);
            Assert.Contains("cpu", container.Resources.Requests.Keys);
        });
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task No_secret_is_in_an_environment(string overlay)
    {
        var manifests = await Support.Manifests.RenderAsync(overlay);

        Assert.All(
            manifests.Containers.SelectMany(container => container.Env),
            variable => Assert.Null(variable.ValueFrom));
        Assert.All(
            manifests.Containers.SelectMany(container => container.EnvFrom), source => Assert.Null(source.SecretRef));
        Assert.DoesNotMatch(
            "(?i)password|sharedaccesskey|accountkey",
            string.Join('\n', manifests.All.OfType<V1ConfigMap>().SelectMany(map => map.Data.Values)));
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Images_are_those_of_the_overlay(string overlay)
    {
        var manifests = await Support.Manifests.RenderAsync(overlay);

        Assert.All(
            manifests.Containers,
            container => Assert.Matches("^registry.example.org/ingest(-processor)?:1\\.2\\.3$", container.Image));
    }

    [Fact]
    public async Task More_replicas_than_partitions_never()
    {
        var manifests = await Support.Manifests.RenderAsync(Overlay);

        var scaling = manifests.The<KedaScaledObject>().Spec;
        Assert.Equal((2, Setting("scaling.env", "PARTITIONS")), (scaling.MinReplicaCount, $"{scaling.MaxReplicaCount}"));
        Assert.Null(manifests.The<V1Deployment>().Spec.Replicas);
        Assert.Equal(manifests.The<V1Deployment>().Metadata.Name, scaling.ScaleTargetRef.Name);
    }

    [Fact]
    public async Task The_scaler_reads_the_hub_that_the_worker_reads_and_the_positions_that_it_writes()
    {
        var manifests = await Support.Manifests.RenderAsync(Overlay);

        var trigger = Assert.Single(manifests.The<KedaScaledObject>().Spec.Triggers);
        var settings = Settings(manifests);
        Assert.Equal("azure-eventhub", trigger.Type);
        Assert.Equal("blobMetadata", trigger.Metadata["checkpointStrategy"]);
        Assert.Equal(
            (settings["Hub__FullyQualifiedNamespace"], settings["Hub__Name"], settings["Hub__ConsumerGroup"]),
            ($"{trigger.Metadata["eventHubNamespace"]}.servicebus.windows.net", trigger.Metadata["eventHubName"],
                trigger.Metadata["consumerGroup"]));
        Assert.Equal(
            settings["Ownership__Container"],
            $"https://{trigger.Metadata["storageAccountName"]}.blob.core.windows.net/{trigger.Metadata["blobContainer"]}");
        var identity = manifests.The<KedaTriggerAuthentication>().Spec.PodIdentity;
        Assert.Equal(("azure-workload", settings["AZURE_CLIENT_ID"]), (identity.Provider, identity.IdentityId));
        Assert.Equal(
            settings["AZURE_CLIENT_ID"],
            manifests.The<V1ServiceAccount>().Metadata.Annotations["azure.workload.identity/client-id"]);
    }

    [Fact]
    public async Task The_settings_are_ones_that_the_worker_can_start_with()
    {
        var manifests = await Support.Manifests.RenderAsync(Overlay);

        var given = Settings(manifests)
            .Concat(manifests.The<V1Deployment>().Spec.Template.Spec.Containers[0].Env.Select(
                variable => KeyValuePair.Create(variable.Name, variable.Value)))
            .Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), (string?)setting.Value));
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(given).Build();

        Assert.Equal("partition-owners", OwnershipSettings.Read(configuration).Container.Segments[^1]);
        Assert.Equal("telemetry", WorkerSettings.Read(configuration).Pipeline.Hub.Name);
    }

    [Fact]
    public async Task A_pod_is_given_longer_to_stop_than_a_drain_takes_and_is_restarted_for_no_outage()
    {
        var pod = (await Support.Manifests.RenderAsync(Overlay)).The<V1Deployment>().Spec.Template.Spec;

        Assert.InRange(pod.TerminationGracePeriodSeconds!.Value, ShutdownSignals.DrainTime.TotalSeconds + 10, 120);
        var worker = Assert.Single(pod.Containers);
        Assert.Equal(
            ("/healthz", "/readyz", "health"),
            (worker.LivenessProbe.HttpGet.Path, worker.ReadinessProbe.HttpGet.Path, worker.LivenessProbe.HttpGet.Port.Value));
        Assert.Equal(new HealthSettings().Port, Assert.Single(worker.Ports).ContainerPort);
    }

    [Fact]
    public async Task Nothing_comes_in_and_only_four_ports_lead_out()
    {
        var manifests = await Support.Manifests.RenderAsync(Overlay);

        var policy = manifests.The<V1NetworkPolicy>().Spec;
        Assert.Empty(policy.Ingress ?? []);
        Assert.Equal(["Ingress", "Egress"], policy.PolicyTypes);
        Assert.Equal(
            ["443", "53", "5432", "5671"],
            policy.Egress.SelectMany(rule => rule.Ports).Select(port => port.Port.Value).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(
            manifests.The<V1Deployment>().Spec.Template.Metadata.Labels["app.kubernetes.io/name"],
            policy.PodSelector.MatchLabels["app.kubernetes.io/name"]);
        Assert.Equal(
            "restricted", manifests.The<V1Namespace>().Metadata.Labels["pod-security.kubernetes.io/enforce"]);
    }

    [Fact]
    public async Task One_pod_at_a_time_is_moved_and_a_new_one_starts_before_an_old_one_stops()
    {
        var manifests = await Support.Manifests.RenderAsync(Overlay);

        Assert.Equal("1", manifests.The<V1PodDisruptionBudget>().Spec.MaxUnavailable.Value);
        Assert.Equal("0", manifests.The<V1Deployment>().Spec.Strategy.RollingUpdate.MaxUnavailable.Value);
        Assert.Equal(
            ["kubernetes.io/hostname", "topology.kubernetes.io/zone"],
            manifests.Pods.Single().TopologySpreadConstraints.Select(spread => spread.TopologyKey).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task For_an_IoT_hub_the_connection_string_is_a_file_of_the_settings_and_the_scalers()
    {
        var manifests = await Support.Manifests.RenderAsync(IotHub);

        var pod = manifests.Pods.Single();
        var mount = Assert.Single(pod.Containers[0].VolumeMounts, mount => mount.Name == "hub");
        Assert.Equal(("/app/appsettings.Production.json", true), (mount.MountPath, mount.ReadOnlyProperty));
        var secret = Assert.Single(pod.Volumes, volume => volume.Secret is not null).Secret;
        Assert.Equal((mount.SubPath, 0), (Assert.Single(secret.Items).Path, secret.DefaultMode & 7));
        Assert.DoesNotContain(Settings(manifests).Keys, name => name is "Hub__FullyQualifiedNamespace" or "Hub__Name");
        Assert.DoesNotContain(
            Assert.Single(manifests.The<KedaScaledObject>().Spec.Triggers).Metadata.Keys,
            name => name.StartsWith("eventHub", StringComparison.Ordinal));
        var connection = Assert.Single(manifests.The<KedaTriggerAuthentication>().Spec.SecretTargetRef);
        Assert.Equal(("connection", secret.SecretName, "connection"), (connection.Parameter, connection.Name, connection.Key));
    }

    [Fact]
    public async Task The_migration_has_an_identity_of_its_own_and_ends()
    {
        var manifests = await Support.Manifests.RenderAsync(Migration);

        var job = manifests.The<V1Job>().Spec;
        Assert.Equal(["migrate"], Assert.Single(job.Template.Spec.Containers).Args);
        Assert.NotNull(job.ActiveDeadlineSeconds);
        Assert.Equal(manifests.The<V1ServiceAccount>().Metadata.Name, job.Template.Spec.ServiceAccountName);
        Assert.NotEqual("ingest-processor", job.Template.Spec.ServiceAccountName);
    }

    [Fact]
    public async Task The_threshold_is_the_one_that_the_README_reckons()
    {
        var manifests = await Support.Manifests.RenderAsync(Overlay);
        var reckoned = Regex.Match(Readme, @"`(?<rate>[\d,]+) messages/s × (?<seconds>\d+) s = (?<threshold>[\d,]+)`");
        long Number(string name) => long.Parse(reckoned.Groups[name].Value, NumberStyles.AllowThousands, CultureInfo.InvariantCulture);

        Assert.True(reckoned.Success);
        Assert.Equal(Number("threshold"), Number("rate") * Number("seconds"));
        var metadata = manifests.The<KedaScaledObject>().Spec.Triggers[0].Metadata;
        Assert.Equal(metadata["unprocessedEventThreshold"], $"{Number("threshold")}");

        // Positions reach the blobs every ten seconds at the latest, so that much always seems to wait.
        Assert.True(Number("seconds") >= 20);
    }

    private static IDictionary<string, string> Settings(Support.Manifests manifests) =>
        manifests.All.OfType<V1ConfigMap>().Single(map => map.Metadata.Name.StartsWith("ingest-settings", StringComparison.Ordinal)).Data;

    private static string Setting(string file, string name) =>
        File.ReadLines(Path.Combine(DeployFolder.Root, "deploy", "aks", "manifests", "base", file))
            .Single(line => line.StartsWith($"{name}=", StringComparison.Ordinal))[(name.Length + 1)..];
}
