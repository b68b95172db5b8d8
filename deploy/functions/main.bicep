metadata description = 'Ingest as a Function app: IoT Hub telemetry into TimescaleDB and a device lookup, locked to its own network.'

import { foundState } from 'modules/found.bicep'
import { namesOf } from 'modules/names.bicep'

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

@description('What is there already and stays as it is: deploy.sh reads it before it deploys.')
param found foundState = {
  databaseGigabytes: 0
  databaseExtensions: ''
  databaseLibraries: ''
  contentShareGigabytes: 0
  routeTables: {}
}

@description('Address space of the virtual network, a /22 or larger that overlaps with nothing it is to be peered with.')
param addressSpace string = '10.40.0.0/22'

@description('Addresses (CIDR) from which administrators reach the app, its scm site and a locked IoT hub. Empty: none.')
param administratorAddresses string[] = []

@description('Whether IoT Hub and its built-in endpoint answer only to the functions, the devices and the administrators named here.')
param lockIotHub bool

@description('Addresses (CIDR) devices come from; of use only with lockIotHub. 0.0.0.0/0 lets devices in from everywhere, and everybody with them.')
param deviceAddresses string[] = []

@description('IoT Hub edition and units. B1, S1: 400,000 messages a day and unit; S2: 6 million; S3: 300 million.')
param iotHubSku {
  name: 'B1' | 'S1' | 'S2' | 'S3'
  @minValue(1)
  @maxValue(200)
  capacity: int
}

@description('Which key of the hub\'s policy "service" the app reads with. The other one can be renewed meanwhile.')
@allowed(['primary', 'secondary'])
param hubKey string = 'primary'

@description('Which key of the content share\'s account the app is mounted with. The other one can be renewed meanwhile.')
@allowed(['primary', 'secondary'])
param contentShareKey string = 'primary'

@description('Partitions of the built-in endpoint, 2 to 32. They cannot be changed later.')
@minValue(2)
@maxValue(32)
param iotHubPartitions int

@description('Region to which the hub fails over, where the functions are to reach it too: Azure\'s pair of location. Empty: none.')
param hubFailoverRegion string = ''

@description('Days the hub keeps messages, 1 to 7: how far back a replay can reach.')
@minValue(1)
@maxValue(7)
param iotHubRetentionDays int

@description('Machine of a function instance: 1, 2 or 4 cores.')
@allowed(['EP1', 'EP2', 'EP3'])
param functionsSku string

@description('Function instances that always run, 1 to 20.')
@minValue(1)
@maxValue(20)
param functionsMinimumInstances int

@description('Most function instances, 1 to 32; more than the hub has partitions would be idle.')
@minValue(1)
@maxValue(32)
param functionsMaximumInstances int

@description('Whether function instances are spread over availability zones. Needs functionsMinimumInstances of 3 or more.')
param functionsZoneRedundant bool

@description('Further app settings of the program, such as { Telemetry__Table: \'readings\' }. Names as in the operations guide. Secure, because one may hold a password.')
@secure()
param extraSettings { *: string } = {}

@description('Machine of the database server, and its tier: Burstable, GeneralPurpose or MemoryOptimized.')
param databaseSku {
  name: string
  tier: 'Burstable' | 'GeneralPurpose' | 'MemoryOptimized'
}

@description('Disk of the database in GB. It grows by itself and never shrinks.')
@allowed([32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384])
param databaseStorageGigabytes int

@description('Days of database backups, 7 to 35.')
@minValue(7)
@maxValue(35)
param databaseBackupDays int

@description('Standby of the database server: Disabled, SameZone or ZoneRedundant. Burstable servers have none.')
@allowed(['Disabled', 'SameZone', 'ZoneRedundant'])
param databaseHighAvailability string

@description('Standing Entra administrators of the database server. Empty: nobody, the jobs\' identity comes and goes.')
param databaseAdministrators {
  objectId: string
  name: string
  type: 'User' | 'Group' | 'ServicePrincipal'
}[] = []

@description('Cosmos DB by request (serverless) or by provisioned, scaling throughput (autoscale).')
@allowed(['serverless', 'autoscale'])
param cosmosCapacity string

@description('Ceiling of autoscale in request units a second; it scales down to a tenth.')
@minValue(1000)
param cosmosMaxThroughput int = 1000

@description('Redundancy of the storage accounts.')
@allowed(['Standard_LRS', 'Standard_ZRS'])
param storageSku string

@description('Days logs are kept, 30 to 730.')
@minValue(30)
@maxValue(730)
param logRetentionDays int

@description('Most gigabytes of logs taken in a day; -1 is no limit.')
param logDailyCapGigabytes int

@description('Device whose document is put into Cosmos DB, so that its lookup answers "hello" and its name. Empty: none.')
param seedDevice string = 'itsme'

var names = namesOf(name, resourceGroup().id)
var contentShareName = 'content'
var allTags = union(tags, {
  'ingest-installation': name
  'ingest-size': size
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

module nat 'modules/nat.bicep' = {
  name: '${deployment().name}-nat'
  params: {
    name: names.natGateway
    location: location
    tags: allTags
  }
}

module network 'modules/network.bicep' = {
  name: '${deployment().name}-network'
  params: {
    name: names.network
    location: location
    tags: allTags
    addressSpace: addressSpace
    natGatewayId: nat.outputs.id
    hubFailoverRegion: hubFailoverRegion
    routeTables: found.routeTables
  }
}

module monitoring 'modules/monitoring.bicep' = {
  name: '${deployment().name}-monitoring'
  params: {
    workspaceName: names.workspace
    insightsName: names.insights
    location: location
    tags: allTags
    retentionDays: logRetentionDays
    dailyCapGigabytes: logDailyCapGigabytes
    appPrincipalId: appIdentity.properties.principalId
  }
}

module iotHub 'modules/iothub.bicep' = {
  name: '${deployment().name}-iothub'
  params: {
    name: names.iotHub
    location: location
    tags: allTags
    sku: iotHubSku
    partitions: iotHubPartitions
    retentionDays: iotHubRetentionDays
    locked: lockIotHub
    allowedAddresses: concat(
      ['${nat.outputs.address}/32'],
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
    shareGigabytes: max(50, found.contentShareGigabytes)
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
    capacity: cosmosCapacity
    maxThroughput: cosmosMaxThroughput
    functionsSubnetId: network.outputs.functionsSubnetId
    appPrincipalId: appIdentity.properties.principalId
  }
}

module postgres 'modules/postgres.bicep' = {
  name: '${deployment().name}-postgres'
  params: {
    name: names.postgres
    location: location
    tags: allTags
    sku: databaseSku
    storageGigabytes: max(databaseStorageGigabytes, found.databaseGigabytes)
    foundExtensions: found.databaseExtensions
    foundLibraries: found.databaseLibraries
    backupRetentionDays: databaseBackupDays
    highAvailability: databaseHighAvailability
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
    sku: functionsSku
    minimumInstances: functionsMinimumInstances
    maximumInstances: functionsMaximumInstances
    zoneRedundant: functionsZoneRedundant
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

// What deploy.sh and verify.sh ask for. Names and addresses, never a key.
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
output postgresName string = names.postgres
output jobsPrincipalId string = jobsIdentity.properties.principalId
output callersSubnetId string = network.outputs.callersSubnetId
output jobsSubnetId string = network.outputs.jobsSubnetId
output outboundAddress string = nat.outputs.address
output jobsStorageName string = names.jobsStorage
output consoleName string = consoleIdentity.name
output networkName string = names.network
output iotHubLocked bool = lockIotHub
output keyVaultName string = names.keyVault
output stateBlobs string = storage.outputs.stateBlobs
output contentFiles string = storage.outputs.contentFiles
