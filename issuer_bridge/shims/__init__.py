"""Who asks for certificates in their own way: annotated Ingresses, and service meshes."""
