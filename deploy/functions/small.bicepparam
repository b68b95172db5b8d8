using './main.bicep'

// A trial or a small site: up to some thousand messages a second for a while, 800,000 a day. One of each, no standby.
// IoT Hub is reachable from any address and protected by its keys: name deviceAddresses and set lockIotHub to change it.

param lockIotHub = false
param hub = { sku: { name: 'S1', capacity: 2 }, partitions: 4, retentionDays: 1 }

param functions = { sku: 'EP1', minimumInstances: 1, maximumInstances: 4, zoneRedundant: false }

param database = {
  sku: { name: 'Standard_B2s', tier: 'Burstable' }
  storageGigabytes: 64
  backupDays: 7
  geoRedundantBackup: false
  highAvailability: 'Disabled'
}

param lookup = { capacity: 'serverless', zoneRedundant: false }
param storageSku = 'Standard_LRS'
param logs = { retentionDays: 30, dailyCapGigabytes: 1 }
