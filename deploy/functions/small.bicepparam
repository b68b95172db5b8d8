using './main.bicep'

// A trial or a small site: up to some thousand messages a second for a while, 800,000 a day. One of each, no standby.
// IoT Hub is reachable from any address and protected by its keys: name deviceAddresses and set lockIotHub to change it.

param lockIotHub = false
param iotHubSku = { name: 'S1', capacity: 2 }
param iotHubPartitions = 4
param iotHubRetentionDays = 1

param functionsSku = 'EP1'
param functionsMinimumInstances = 1
param functionsMaximumInstances = 4
param functionsZoneRedundant = false

param databaseSku = { name: 'Standard_B2s', tier: 'Burstable' }
param databaseStorageGigabytes = 64
param databaseBackupDays = 7
param databaseHighAvailability = 'Disabled'

param cosmosCapacity = 'serverless'
param storageSku = 'Standard_LRS'
param logRetentionDays = 30
param logDailyCapGigabytes = 1
