metadata description = 'Ingest as a Function app: IoT Hub telemetry into TimescaleDB and a device lookup, locked to its own network.'
import { foundState, nothingFound } from 'modules/found.bicep'
import { contentShareName, namesOf } from 'modules/names.bicep'
import { databaseAdministrator, databaseSize, functionsSize, hubSize, logsSize, lookupSize } from 'modules/sizes.bicep'

@description('Short name of the installation: 3 to 10 letters and digits; hyphens and capitals are left out of the names of resources.')
@minLength(3)
@maxLength(10)
param name string = 'ingest'

@description('Azure region of everything.')
param location string = resourceGroup().location

@description('The size this is: small, production, or own for a parameters file of your own. It is recorded as the tag ingest-size.')
@allowed(['small', 'production', 'own'])
param size string = 'own'

@description('Further tags of everything, such as { costCenter: \'4711\' }.')
param tags { *: string } = {}

@description('Whether what holds data (database, hub, vault, storage, Cosmos DB) is locked against deletion. Taking this back removes no lock.')
param lockData bool = false

@description('What is there already and stays as it is: deploy.sh reads it before it deploys.')
param found foundState?

@description('Address space of the virtual network, a /22 or larger that overlaps with nothing it is to be peered with.')
param addressSpace string = '10.40.0.0/22'

@description('Zones that each have a NAT gateway. The subnets go through one of them, the first until an operator attaches another; the hub knows the addresses of all. Empty: one gateway, in a zone that Azure chooses.')
param natZones string[] = []

@description('Addresses (CIDR) from which administrators reach the app, its scm site and a locked IoT hub. Empty: none.')
param administratorAddresses string[] = []

@description('Whether IoT Hub and its built-in endpoint answer only to the functions, the devices and the administrators named here.')
param lockIotHub bool

@description('Addresses (CIDR) devices come from; of use only with lockIotHub. 0.0.0.0/0 lets devices in from everywhere, and everybody with them.')
param deviceAddresses string[] = []

@description('The IoT hub: edition, partitions, retention.')
param hub hubSize

@description('Which key of the hub\'s policy "service" the app reads with. The other one can be renewed meanwhile.')
@allowed(['primary', 'secondary'])
param hubKey string = 'primary'

@description('Which key of the content share\'s account the app is mounted with. The other one can be renewed meanwhile.')
@allowed(['primary', 'secondary'])
param contentShareKey string = 'primary'

@description('Region to which the hub fails over, where the functions are to reach it too: Azure\'s pair of location. Empty: none.')
param hubFailoverRegion string = ''

@description('The instances of the functions.')
param functions functionsSize

@description('Further app settings of the program, such as { Telemetry__Table: \'readings\' }. Names as in the operations guide. Secure, because one may hold a password.')
@secure()
param extraSettings { *: string } = {}

@description('The database server: machine, disk, backups, standby.')
param database databaseSize

@description('Standing Entra administrators of the database server. Empty: nobody, the jobs\' identity comes and goes.')
param databaseAdministrators databaseAdministrator[] = []

@description('Cosmos DB, which the lookup asks.')
param lookup lookupSize

@description('Redundancy of the storage accounts.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string

@description('The logs: how long, and how much at most.')
param logs logsSize

@description('E-mail addresses that alarms go to. Empty: they are shown in the portal only.')
param alarmAddresses string[] = []

@description('Dead-lettered readings of one reason in a quarter of an hour from which on somebody is told.')
@minValue(0)
param deadLettersTolerated int = 100

@description('How long the database may store no row at all before somebody is told; no cap on logs silences this. Longer where all devices are silent at night: PT12H. Empty: nobody is told.')
@allowed(['', 'PT30M', 'PT1H', 'PT6H', 'PT12H', 'P1D'])
param silenceTolerated string = 'PT30M'

@description('Device whose document is put into Cosmos DB, so that its lookup answers "hello" and its name. Empty: none.')
param seedDevice string = 'itsme'

var names = namesOf(name, resourceGroup().id)
var before = found ?? nothingFound
var databaseServer = empty(before.databaseServer) ? names.postgres : before.databaseServer
var natGateways = empty(natZones) ? [names.natGateway] : map(natZones, zone => '${names.natGateway}-${zone}')
var natInUse = max(0, indexOf(natGateways, before.natGateway))
var allTags = union(tags, {
  'ingest-installation': name
  'ingest-size': size
  'ingest-database': databaseServer
})

resource appIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.appIdentity
  location: location
  tags: allTags
}

// It has no rights of its own. jobs.bicep gives it some for as long as a job runs.
resource jobsIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.jobsIdentity
  location: location
  tags: allTags
}

// What console.sh runs commands as. It may use the database (jobs/migrate.sh) and nothing else.
resource consoleIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: names.consoleIdentity
  location: location
  tags: allTags
}

module nat 'modules/nat.bicep' = [
  for (gateway, i) in natGateways: {
    name: '${deployment().name}-nat-${i}'
    params: {
      name: gateway
      location: location
      tags: allTags
      zone: empty(natZones) ? '' : natZones[i]
    }
  }
]

module network 'modules/network.bicep' = {
  name: '${deployment().name}-network'
  params: {
    name: names.network
    location: location
    tags: allTags
    addressSpace: addressSpace
    natGatewayId: nat[natInUse].outputs.id
    hubFailoverRegion: hubFailoverRegion
    routeTables: before.routeTables
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: '${deployment().name}-monitoring'
  params: {
    workspaceName: names.workspace
    insightsName: names.insights
    location: location
    tags: allTags
    retentionDays: logs.retentionDays
    dailyCapGigabytes: logs.dailyCapGigabytes
    appPrincipalId: appIdentity.properties.principalId
  }
}

module iotHub 'modules/iothub.bicep' = {
  name: '${deployment().name}-iothub'
  params: {
    name: names.iotHub
    location: location
    tags: allTags
    sku: hub.sku
    partitions: hub.partitions
    retentionDays: hub.retentionDays
    locked: lockIotHub
    functionsAddresses: [for i in range(0, length(natGateways)): nat[i].outputs.address]
    allowedAddresses: concat(
      deviceAddresses,
      // The filter knows IPv4 alone.
      filter(administratorAddresses, address => !contains(address, ':'))
    )
  }
}

module storage 'modules/storage.bicep' = {
  name: '${deployment().name}-storage'
  params: {
    stateName: names.stateStorage
    contentName: names.contentStorage
    shareName: contentShareName
    shareGigabytes: max(50, before.contentShareGigabytes)
    location: location
    tags: allTags
    sku: storageSku
    functionsSubnetId: network.outputs.functionsSubnetId
    appPrincipalId: appIdentity.properties.principalId
  }
}

module keyVault 'modules/keyvault.bicep' = {
  name: '${deployment().name}-keyvault'
  params: {
    name: names.keyVault
    location: location
    tags: allTags
    functionsSubnetId: network.outputs.functionsSubnetId
    appPrincipalId: appIdentity.properties.principalId
    iotHubName: names.iotHub
    contentStorageName: names.contentStorage
    hubKey: hubKey
    contentShareKey: contentShareKey
  }
  dependsOn: [iotHub, storage]
}

module cosmos 'modules/cosmos.bicep' = {
  name: '${deployment().name}-cosmos'
  params: {
    name: names.cosmos
    location: location
    tags: allTags
    capacity: lookup.capacity
    maxThroughput: lookup.?maxThroughput ?? 1000
    zoneRedundant: lookup.zoneRedundant
    functionsSubnetId: network.outputs.functionsSubnetId
    appPrincipalId: appIdentity.properties.principalId
  }
}

module postgres 'modules/postgres.bicep' = {
  name: '${deployment().name}-postgres'
  params: {
    name: databaseServer
    zoneName: names.postgres
    location: location
    tags: allTags
    sku: database.sku
    storageGigabytes: max(database.storageGigabytes, before.databaseGigabytes)
    foundExtensions: before.databaseExtensions
    foundLibraries: before.databaseLibraries
    backupRetentionDays: database.backupDays
    geoRedundantBackup: database.geoRedundantBackup
    highAvailability: database.highAvailability
    administrators: databaseAdministrators
    networkId: network.outputs.id
    databaseSubnetId: network.outputs.databaseSubnetId
  }
}

module functionApp 'modules/functionapp.bicep' = {
  name: '${deployment().name}-functionapp'
  params: {
    name: names.functionApp
    planName: names.plan
    location: location
    tags: allTags
    sku: functions.sku
    minimumInstances: functions.minimumInstances
    maximumInstances: functions.maximumInstances
    zoneRedundant: functions.zoneRedundant
    callersSubnetId: network.outputs.callersSubnetId
    functionsSubnetId: network.outputs.functionsSubnetId
    administratorAddresses: administratorAddresses
    identity: {
      id: appIdentity.id
      clientId: appIdentity.properties.clientId
      name: appIdentity.name
    }
    stateStorageName: names.stateStorage
    contentShareName: contentShareName
    contentShareReference: keyVault.outputs.contentShareReference
    eventHubReference: keyVault.outputs.eventHubReference
    eventHubName: iotHub.outputs.eventHubName
    cosmosEndpoint: cosmos.outputs.endpoint
    databaseHost: postgres.outputs.hostName
    insightsConnectionString: monitoring.outputs.connectionString
    extraSettings: extraSettings
  }
  dependsOn: [storage]
}

module observability 'modules/observability.bicep' = {
  name: '${deployment().name}-observability'
  params: {
    name: name
    location: location
    tags: allTags
    addresses: alarmAddresses
    deadLettersTolerated: deadLettersTolerated
    silenceTolerated: silenceTolerated
    workspaceId: monitoring.outputs.workspaceId
    appId: functionApp.outputs.id
    serverId: postgres.outputs.id
  }
}

module locks 'modules/locks.bicep' = if (lockData) {
  name: '${deployment().name}-locks'
  params: {
    iotHubName: names.iotHub
    serverName: databaseServer
    keyVaultName: names.keyVault
    cosmosName: names.cosmos
    storageNames: [names.stateStorage, names.contentStorage]
  }
  dependsOn: [keyVault, cosmos, postgres]
}

// What the scripts ask for. Names and addresses, never a key.
output installation string = name
output region string = location
output seedDevice string = seedDevice
output functionAppName string = names.functionApp
output functionAppHost string = functionApp.outputs.hostName
output scmHost string = functionApp.outputs.scmHostName
output iotHubName string = names.iotHub
output iotHubHost string = iotHub.outputs.hostName
output cosmosName string = names.cosmos
output cosmosEndpoint string = cosmos.outputs.endpoint
output postgresName string = databaseServer
output jobsPrincipalId string = jobsIdentity.properties.principalId
output callersSubnetId string = network.outputs.callersSubnetId
output jobsSubnetId string = network.outputs.jobsSubnetId
output outboundAddress string = nat[natInUse].outputs.address
output jobsStorageName string = names.jobsStorage
output consoleName string = consoleIdentity.name
output networkName string = names.network
output iotHubLocked bool = lockIotHub
output keyVaultName string = names.keyVault
output stateBlobs string = storage.outputs.stateBlobs
output contentFiles string = storage.outputs.contentFiles
