"""`gravel sync`: manifests applied one stage after the other, as Argo CD or Flux would."""
