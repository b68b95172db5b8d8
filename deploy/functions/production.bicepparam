using './main.bicep'

// Some thousand messages a second all day: zones, a standby, a week of replay, a locked IoT hub. deviceAddresses is
// yours to name (deploy.sh asks for it): the hub lets in nobody else.

param lockIotHub = true
param iotHubSku = { name: 'S3', capacity: 1 }
param iotHubPartitions = 32
param iotHubRetentionDays = 7

param functionsSku = 'EP2'
param functionsMinimumInstances = 3
param functionsMaximumInstances = 16
param functionsZoneRedundant = true

param databaseSku = { name: 'Standard_D8ds_v5', tier: 'GeneralPurpose' }
param databaseStorageGigabytes = 1024
param databaseBackupDays = 35
param databaseHighAvailability = 'ZoneRedundant'

param cosmosCapacity = 'autoscale'
param cosmosMaxThroughput = 4000
param storageSku = 'Standard_ZRS'
param logRetentionDays = 90
param logDailyCapGigabytes = 20
