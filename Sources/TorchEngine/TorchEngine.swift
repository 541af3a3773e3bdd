// TorchEngine
